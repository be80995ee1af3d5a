package csvwatch

import (
	"github.com/ecommerce-ingest/connect/internal/status"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/watch"
)

// publish connects the watcher to the status of the pipeline.
func (i *input) publish() {
	watcher := i.watcher
	i.status.Connected(
		func() status.InputFigures { return figuresOf(watcher.Figures()) },
		func(most int) []status.File { return filesOf(watcher.Files(most)) },
	)
}

func figuresOf(f watch.Figures) status.InputFigures {
	return status.InputFigures{
		Rows: f.Rows, Bad: f.BadRows, Done: f.Acked, Bytes: f.Bytes, AwaitingFiles: f.AwaitingFiles,
		FilesKnown: f.Known, FilesWaiting: f.Waiting, FilesFailed: f.Refused,
		Unacked: f.Unacked, Backlog: f.Backlog, OldestUnread: f.OldestUnread,
	}
}

func filesOf(files []watch.FileStatus) []status.File {
	list := make([]status.File, len(files))
	for i, f := range files {
		list[i] = status.File{
			Path: textOf(f.Path), State: string(f.State), Rows: f.Rows, Done: f.Done,
			Size: f.Size, Read: f.Read, Changed: f.Changed, Problem: textOf(f.Problem),
		}
	}
	return list
}
