package csvfiles

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// output is the Benthos output. It is safe for concurrent use.
type output struct {
	conf    config
	encoder *encoder
	files   *publisher
	buffers sync.Pool // *[]byte
	log     *service.Logger

	mu    sync.Mutex
	swept map[string]struct{} // directories from which stale files were removed
}

// sweptAtMost bounds output.swept, for paths that keep naming new directories.
const sweptAtMost = 4096

func newOutput(conf config, log *service.Logger) *output {
	return &output{
		conf:    conf,
		encoder: newEncoder(conf.delimiter),
		files:   newPublisher(conf.gzip),
		buffers: sync.Pool{New: func() any { return new([]byte) }},
		log:     log,
		swept:   map[string]struct{}{},
	}
}

// Connect removes stale temporary files from the directory, if it is known.
func (o *output) Connect(context.Context) error {
	if o.conf.fixedDirectory != "" {
		o.sweep(o.conf.fixedDirectory)
	}
	return nil
}

// WriteBatch writes one file for each path that the rows of the batch have. Rows
// that cannot be written fail alone.
func (o *output) WriteBatch(_ context.Context, batch service.MessageBatch) error {
	files, failures := o.conf.path.split(batch)
	for _, file := range files {
		bad, err := o.writeFile(file, batch)
		if err != nil && len(files) == 1 && len(failures.errs) == 0 {
			return err // no file was written: the whole batch fails
		}
		if err != nil {
			for _, i := range file.indexes {
				failures.add(i, err)
			}
			continue
		}
		failures.join(bad)
	}
	return failures.batchError(batch)
}

// writeFile writes the rows that can be encoded and returns the failures of the
// others. An error means that no row was written.
func (o *output) writeFile(file fileRows, batch service.MessageBatch) (rowFailures, error) {
	buffer := o.buffers.Get().(*[]byte)
	defer o.buffers.Put(buffer)

	content, written, failures := o.encode((*buffer)[:0], batch, file.indexes)
	*buffer = content
	if written == 0 {
		return failures, nil
	}
	o.sweep(filepath.Dir(file.path))
	name, err := o.files.publish(file.path, content)
	if err != nil {
		return rowFailures{}, err
	}
	o.log.Tracef("Wrote %d rows to %s", written, name)
	return failures, nil
}

// encode appends the content of a file with these rows of the batch to dst.
func (o *output) encode(dst []byte, batch service.MessageBatch, indexes []int) (content []byte, written int, failures rowFailures) {
	rows := make([]map[string]any, len(indexes))
	for i, index := range indexes {
		row, err := rowOf(batch[index])
		if err != nil {
			failures.add(index, err)
			continue
		}
		rows[i] = row
	}

	t := table{columns: o.conf.columns, ignoreUnknown: o.conf.ignoreUnknown}
	if len(t.columns) == 0 {
		t.columns = allColumns(rows)
	}
	content = dst
	if o.conf.header && len(t.columns) > 0 {
		content = o.encoder.appendRecord(content, t.columns)
	}
	for i, row := range rows {
		if row == nil {
			continue
		}
		cells, err := t.record(row)
		if err != nil {
			failures.add(indexes[i], err)
			continue
		}
		content = o.encoder.appendRecord(content, cells)
		written++
	}
	return content, written, failures
}

func rowOf(msg *service.Message) (map[string]any, error) {
	value, err := msg.AsStructured()
	if err != nil {
		return nil, fmt.Errorf("reading the message: %w", err)
	}
	row, ok := value.(map[string]any)
	if !ok || len(row) == 0 {
		return nil, errNotObject
	}
	return row, nil
}

// sweep removes stale temporary files from a directory, once.
func (o *output) sweep(dir string) {
	o.mu.Lock()
	_, done := o.swept[dir]
	if !done {
		if len(o.swept) >= sweptAtMost {
			clear(o.swept)
		}
		o.swept[dir] = struct{}{}
	}
	o.mu.Unlock()
	if done {
		return
	}
	removed, err := removeStale(dir, time.Now())
	if err != nil {
		o.log.Warnf("Failed to remove all stale temporary files from %s: %v", dir, err)
	}
	if removed > 0 {
		o.log.Infof("Removed %d stale temporary files from %s", removed, dir)
	}
}

// Close does nothing: no file is open between batches.
func (o *output) Close(context.Context) error {
	return nil
}

// rowFailures collects the errors of single rows of a batch, by index.
type rowFailures struct {
	indexes []int
	errs    []error
}

func (f *rowFailures) add(index int, err error) {
	f.indexes = append(f.indexes, index)
	f.errs = append(f.errs, err)
}

func (f *rowFailures) join(others rowFailures) {
	f.indexes = append(f.indexes, others.indexes...)
	f.errs = append(f.errs, others.errs...)
}

// batchError returns the error of the batch, nil if no row failed.
func (f *rowFailures) batchError(batch service.MessageBatch) error {
	if len(f.errs) == 0 {
		return nil
	}
	if len(batch) == 1 {
		return f.errs[0]
	}
	headline := f.errs[0]
	if n := len(f.errs); n > 1 {
		headline = fmt.Errorf("%d of %d rows could not be written, the first error: %w", n, len(batch), f.errs[0])
	}
	batchErr := service.NewBatchError(batch, headline)
	for i, index := range f.indexes {
		batchErr.Failed(index, f.errs[i])
	}
	return batchErr
}
