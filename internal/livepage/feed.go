package livepage

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ecommerce-ingest/connect/internal/status"
)

const (
	// feedEvery is how often a viewer gets figures.
	feedEvery = time.Second
	// feedFresh is for how long several viewers get the same figures.
	feedFresh = 800 * time.Millisecond
	// mostViewers bounds how many may watch at once.
	mostViewers = 64
	// sendWithin is how long a viewer may take to receive one message.
	sendWithin = 10 * time.Second
)

// feed makes the figures once for all viewers.
type feed struct {
	viewers atomic.Int32

	mu   sync.Mutex
	made time.Time
	text []byte
}

// update is what a viewer gets every second.
type update struct {
	*status.Snapshot
	Point *point       `json:"point"`
	Shop  *shopFigures `json:"shop,omitempty"`
}

// current returns the figures as JSON on one line.
func (s *Server) current() ([]byte, error) {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	if now := time.Now(); now.Sub(s.feed.made) >= feedFresh {
		u := update{Snapshot: s.board.Snapshot(s.opts.ShowValues)}
		if last := s.board.LastPoint(); last.At != 0 {
			u.Point = pointOf(last)
		}
		s.shop.refresh(s.ctx)
		u.Shop = s.shop.figures()
		text, err := json.Marshal(&u)
		if err != nil {
			return nil, err
		}
		s.feed.text, s.feed.made = text, now
	}
	return s.feed.text, nil
}

// status answers with the figures of now.
func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	text, err := s.current()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}

// events sends the figures every second until the viewer leaves.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	if s.feed.viewers.Add(1) > mostViewers {
		s.feed.viewers.Add(-1)
		http.Error(w, fmt.Sprintf("%d viewers are watching already", mostViewers), http.StatusServiceUnavailable)
		return
	}
	defer s.feed.viewers.Add(-1)
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	tick := time.NewTicker(feedEvery)
	defer tick.Stop()
	for {
		text, err := s.current()
		if err != nil {
			return
		}
		_ = out.SetWriteDeadline(time.Now().Add(sendWithin))
		if _, err := fmt.Fprintf(w, "retry: 1000\ndata: %s\n\n", text); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

// point is a status.Point for the page. Latencies are null when nothing was
// stored.
type point struct {
	At       int64    `json:"at"`
	In       float32  `json:"in"`
	Stored   float32  `json:"stored"`
	Rejected float32  `json:"rejected"`
	P50      *float32 `json:"p50"`
	P99      *float32 `json:"p99"`
	Backlog  int64    `json:"backlog"`
	Level    string   `json:"level"`
}

func pointOf(p status.Point) *point {
	return &point{
		At: p.At, In: p.In, Stored: p.Stored, Rejected: p.Rejected, P50: known(p.P50), P99: known(p.P99),
		Backlog: p.Backlog, Level: p.Level.String(),
	}
}

func known(f float32) *float32 {
	if math.IsNaN(float64(f)) {
		return nil
	}
	return &f
}

// history answers with the last hour, a point a second.
func (s *Server) history(w http.ResponseWriter, _ *http.Request) {
	points := s.board.History()
	list := make([]*point, len(points))
	for i, p := range points {
		list[i] = pointOf(p)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list)
}
