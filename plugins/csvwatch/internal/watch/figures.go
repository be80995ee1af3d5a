package watch

// Figures are what has happened since Start, and how things stand.
type Figures struct {
	// Since Start.
	Discovered, Finished, Failed int64
	Rows, BadRows, Bytes         int64
	// Now.
	Open    int
	Waiting int
}

// Figures tells how things stand.
func (w *Watcher) Figures() Figures {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.figures
	f.Waiting = w.queue.Len()
	return f
}
