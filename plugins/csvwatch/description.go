package csvwatch

// description is the body of the input's documentation.
const description = `
Point it at a folder that others drop CSV files into, or append to. Every row becomes a structured message as soon as it is written; after a restart reading goes on where it was.

` + "```text" + `
                       ┌───────────────────────────────────────────────────────┐
                       │                        grows                          │
                       v                                                       │
 found ──> waiting ──> reading ──> at its end ──> every row ──> quiet ──> finished ──> deleted or moved,
   │          │           │            │         acknowledged   for                    if asked for;
   │          │           │            │                     quiet_period              else left alone
   │          │           │            └─ other bytes than were read: a new content, from its start
   │          │           └─ a bad record: a failed message; reading goes on behind it
   │          └─ minimum_age, and its place in the order
   └─ matches paths and nothing of exclude_patterns; a regular file, known by all the evidence together, not by its name

 at any time   renamed: the same file, nothing is read again
               deleted: what was open is read to its end, the rest is dropped with one line in the log
               unreadable: said once, tried again after a change and every now and then
` + "```" + `

== Messages

A message is an object with a string for each column of the header or, with ` + "`parse_header_row: false`" + `, an array of strings. Each has these metadata:

| metadata | |
|---|---|
| ` + "`path`" + ` | the file, as ` + "`paths`" + ` leads to it; bytes that are no text are written as ` + "`\\xNN`" + ` |
| ` + "`header`" + ` | the names of the columns, in the order of the file; not without a header |
| ` + "`mod_time`, `mod_time_unix`" + ` | when the file was last written, as RFC 3339 in UTC and as seconds |
| ` + "`csv_row`" + ` | the number of the data row in the file, from 1; bad rows count too. 0 stands for a whole file that is refused |
| ` + "`csv_raw`" + ` | the record as it came, up to 64 KiB; NUL and bytes that are no text are written as ` + "`\\xNN`" + ` |
| ` + "`csv_channel`" + ` | the identity of the file's content, which survives restarts, crashes and renames, and is never used for another content. Together with ` + "`csv_row`" + ` it names a row for ever, which is what ` + "`exactly_once`" + ` of ` + "`postgres_copy`" + ` needs |
| ` + "`csv_low_watermark`" + ` | a number like ` + "`csv_row`" + `: every row of the same ` + "`csv_channel`" + ` with a number below it was acknowledged before this message was made. It never decreases while the input runs; after a crash it starts again at the saved position, which is lower at most. A message that is sent again keeps the value it had |

A batch has the rows that are there, up to ` + "`batch_count`" + `, of one or of several files. A single row does not wait for others as long as the output is idle; while earlier rows are still on their way, up to 5 ms are spent on filling a batch.

== Bad records

A record that is ragged, has a quote where none may be, is longer than ` + "`max_record_bytes`" + `, or is not text in the file's encoding becomes a message whose content is the raw record, and which has failed with the reason. Processors skip it, and ` + "`reject_errored`" + `, ` + "`switch`" + ` or ` + "`errored()`" + ` lead it to where you want it. Reading goes on at the next line that makes sense.

A file whose header cannot be used (a name twice, an expected column missing) or that is no CSV at all (a spreadsheet, a ZIP file) is refused as a whole: one ERROR in the log, one more in ` + "`csv_watch_files_failed_total`" + `, and one failed message, whose ` + "`csv_row`" + ` is 0 and whose content is the record that was taken for the header. It is read once it, or the configuration, is put right.

== The last record

Only whole records are read. A last record without a line end is taken when the file has not changed for ` + "`quiet_period`" + `, or at once when the file was renamed into place, or had its times or permissions set, after it was written: its writer is done with it. A writer that pauses inside a record for longer than ` + "`quiet_period`" + ` gets it cut in two.

== What a crash reads again

A file's position moves over a contiguous run of acknowledged rows, and is saved every ` + "`checkpoint_interval`" + ` and at the end. After a crash the rows that were acknowledged since, and those that were not acknowledged at all (at most ` + "`checkpoint_limit`" + `), are read again, under the same ` + "`csv_channel`" + ` and ` + "`csv_row`" + `. After a clean stop nothing that was acknowledged is. Rows that the output rejects come again by themselves, after 10 ms and then more and more seldom; with ` + "`auto_replay_nacks: false`" + ` they, the rows of the same batch, and those of the same file behind them come again only after a restart.

== Which file it is

A position belongs to the file that is found if it is the same file (inode and birth time are equal, whatever the device number), a copy of it with its name, size and modification time, or, with ` + "`resume_replaced`" + `, a longer file in its place; and if every byte that was read still stands in it. In every other case it is read from its start, as a new content with a new ` + "`csv_channel`" + `.

| what happens | what is done |
|---|---|
| renamed, touched, mounted under another device number | goes on |
| folder and positions restored elsewhere by ` + "`cp -a` or `rsync -a`" + ` | goes on, said once |
| replaced by a longer file that begins with all that was read | goes on; with ` + "`resume_replaced: false`" + ` read from its start |
| truncated, rewritten, or a single cell changed, in place or by another file | read from its start |
| deleted, and another file gets its name or its inode, even with the same bytes | read |
| ` + "`encoding`" + ` changed | what is new in a file that was read in part: the file is read from its start, and the log says so |

The bytes are compared, by a hash over all of them, whenever size, modification time or change time are not exactly those that were saved: once after a restart, and while running at once for small files; for large ones it takes at most a fiftieth of the time, so that an edit in a file of 1 GB that grows at the same time is found within a minute. Until then its last KiB is compared with each append. Filesystems without birth times (NFS version 3, FAT) leave two doubts: a file that takes another one's inode, name and bytes passes for that one, and one that was renamed and appended to while nothing ran is read again.

In a file with another ` + "`encoding`" + `, or a compressed one, what is compared reaches to the end of what was read, the beginning of a record that is not whole yet included: when its writer takes that back and writes it anew, such a file is another content, too.

A row's ` + "`csv_channel` and `csv_row`" + ` are never given to another row: how far rows were handed out is noted before they go out, so that a file that is rewritten after a crash is another content although no position of it was saved. A crash of the whole machine may lose the notes of the last second.

== Positions

Positions, about 400 bytes a file, are kept in ` + "`checkpoint_dir`" + `, or with ` + "`checkpoint_cache`" + ` in any cache. A damaged value costs the files it spoke of and one warning. What is kept of a file that is gone is dropped when it was missing in two looks, unless its filesystem is not mounted.

If the store is lost, all files that are there are read from their start, as new contents.

== Clearing away

` + "`delete_on_finish` and `move_on_finish`" + ` act when every row of a file is acknowledged, its position is saved, and the file has not changed for ` + "`quiet_period`" + `. Moving never overwrites: a name that is taken gets a number. To another filesystem a file is copied; a crash in the middle of that leaves a hidden ` + "`.moving-*.tmp`" + ` there, and the file where it was. A file that could not be read stays. What a writer appends later than ` + "`quiet_period`" + ` after its last write may be lost with the file, so set it longer than your writers pause.

== How files are found

The system's notifications tell within milliseconds of new and grown files. They get lost now and then, so everything is also looked at every ` + "`poll_interval`" + `; files that have been the same for a minute take turns in this, up to 500 each time. On filesystems whose changes may come from elsewhere (NFS, SMB, FUSE, 9P and others), or where the system has no more notifications to give, every file is looked at each time.

Names that begin with a dot or an underscore, or end in ` + "`.tmp`, `.temp`, `.part`, `.partial`, `.filepart` or `~`" + `, are left out: write under such a name and rename. A pattern that matches nothing is explained in the log, once, with what is there instead: capital letters count (` + "`A.CSV`" + ` is no ` + "`*.csv`" + `), and brackets and braces in the name of a folder are written ` + "`\\[`, `\\]`, `\\{`, `\\}`" + `. Symbolic links are followed. A file that several patterns or links lead to is read once. A file that is compressed in place, as rotation does, is another file: leave ` + "`*.gz`" + ` out of ` + "`paths`" + ` where the plain files are read already.

== Memory and fairness

At most ` + "`checkpoint_limit`" + ` rows and ` + "`checkpoint_limit_bytes`" + ` bytes are read and not acknowledged, and nothing is read that the pipeline did not ask for. A known file costs under a kilobyte, however large it is. Every second turn, of at most 4 MiB, goes to a file that has not been read yet; in the others those in the middle take turns, so that a huge file and a hundred small ones do not hold each other up. Half of ` + "`max_open_files`" + ` may be in the middle at once; with more, a file gives up its place to one that has had fewer turns. Rows of one file are emitted in their order; only rejected ones come again later.

== Metrics

| counter | |
|---|---|
| ` + "`csv_watch_files_discovered_total`" + ` | contents found |
| ` + "`csv_watch_files_finished_total`" + ` | contents of which every row is acknowledged |
| ` + "`csv_watch_files_cleaned_total`" + ` | files deleted or moved |
| ` + "`csv_watch_files_failed_total`" + ` | files that could not be read at some time |
| ` + "`csv_watch_rows_read_total`, `csv_watch_rows_bad_total`, `csv_watch_rows_acked_total`" + ` | rows; those read include the bad ones |
| ` + "`csv_watch_headers_skipped_total`" + ` | repeated headers that ` + "`skip_repeated_headers`" + ` left out |
| ` + "`csv_watch_read_bytes_total`" + ` | bytes, after decompression |
| ` + "`csv_watch_checkpoint_failures_total`" + ` | saves of positions that did not work |
| ` + "`csv_watch_awaiting_files_seconds_total`" + ` | time for which there was nothing to read |

| gauge | |
|---|---|
| ` + "`csv_watch_files_known`, `csv_watch_files_open`, `csv_watch_files_waiting`, `csv_watch_files_refused`" + ` | files now |
| ` + "`csv_watch_rows_unacked`" + ` | rows on their way |
| ` + "`csv_watch_backlog_bytes`" + ` | bytes on disk that are known and not read, without those of refused files |
| ` + "`csv_watch_oldest_unread_seconds`" + ` | how long ago the file that has waited longest was written |

| timer | |
|---|---|
| ` + "`csv_watch_latency_ns`" + ` | from the last change of a file to the acknowledgement of the rows that were read then, once for each run of rows of a file; what was there before the start counts from the start |

== The log

Each finished file has one INFO line: its path, rows, bad records and seconds. With the level DEBUG there is also one when a file is found and one when it is opened. Work that lasts longer than ten seconds is logged every ten seconds: rows per second, the share done, and how long it will take. A problem is logged once, whatever it is about, and again when it has changed; more than thirty lines at once, or twenty a minute, are counted instead, and the count is logged.
`
