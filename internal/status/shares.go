package status

// Shares say what the time went into, as parts of 1.
type Shares struct {
	AwaitingFiles float64 `json:"awaiting_files"`
	Reading       float64 `json:"reading"`
	Mapping       float64 `json:"mapping"`
	Database      float64 `json:"database"`
}

// shares are those of a step. What the reader did is measured. While the reader
// is held up, it is by the database if that writes as many batches as it may,
// and otherwise by what is in between.
func (t *totals) shares() (s Shares) {
	all := t.took.Seconds()
	if all <= 0 {
		return s
	}
	part := func(seconds float64) float64 { return min(1, max(0, seconds/all)) }
	s.AwaitingFiles = part(t.awaitingFiles.Seconds())
	s.Reading = min(1-s.AwaitingFiles, part(t.reading.Seconds()))
	rest := 1 - s.AwaitingFiles - s.Reading
	s.Database = min(rest, part((t.saturated - t.mapping).Seconds()))
	s.Mapping = rest - s.Database
	return s
}

// bottleneck names what takes most of the time: files, reading, mapping or
// database. "files" means that there is nothing to do.
func (s Shares) bottleneck() string {
	name, most := "files", s.AwaitingFiles
	for _, other := range []struct {
		name  string
		share float64
	}{{"reading", s.Reading}, {"mapping", s.Mapping}, {"database", s.Database}} {
		if other.share > most {
			name, most = other.name, other.share
		}
	}
	return name
}
