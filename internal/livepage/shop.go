package livepage

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ecommerce-ingest/connect/internal/status"
)

const (
	// shopEvery is how often the shop's figures are asked for while somebody looks.
	shopEvery = 3 * time.Second
	// shopShare bounds what asking costs: one part in so many of the time.
	shopShare = 50
	// shopTimeout bounds one question, on the server too.
	shopTimeout = 4 * time.Second
)

// shopFigures are what the shop did in the last hour, by minute.
type shopFigures struct {
	Asked   time.Time    `json:"asked"`
	Minutes []shopMinute `json:"minutes"`
	Problem string       `json:"problem,omitempty"` // why there are none
}

// shopMinute is one minute. Revenue is in the shop's currency.
type shopMinute struct {
	Minute  time.Time        `json:"minute"`
	Events  map[string]int64 `json:"events"` // by type
	Revenue float64          `json:"revenue"`
}

// shop asks the database for what the shop did. It holds a connection of its
// own, and only while somebody looks.
type shop struct {
	board *status.Board

	mu    sync.Mutex
	busy  bool
	over  bool
	next  time.Time
	conn  *pgx.Conn
	found *shopFigures
}

// refresh asks anew in the background, if it is time to.
func (s *shop) refresh(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy || time.Now().Before(s.next) || ctx.Err() != nil {
		return
	}
	s.busy = true
	go func() {
		began := time.Now()
		ctx, cancel := context.WithTimeout(ctx, 2*shopTimeout)
		defer cancel()
		found, conn := s.ask(ctx)
		took := time.Since(began)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.busy, s.found, s.conn = false, found, conn
		if s.over && conn != nil {
			_ = conn.Close(context.WithoutCancel(ctx))
		}
		s.next = time.Now().Add(max(shopEvery, shopShare*took))
		if found != nil && found.Problem != "" { // look again soon whether it answers
			s.next = time.Now().Add(shopEvery)
		}
	}()
}

// figures returns the last answer; nil while there is none, or when the database
// has no views of a shop.
func (s *shop) figures() *shopFigures {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.found
}

// close lets go of the connection.
func (s *shop) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	if s.conn != nil && !s.busy {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.conn.Close(ctx)
		s.conn = nil
	}
}

// ask returns the figures and the connection to ask with the next time.
func (s *shop) ask(ctx context.Context) (*shopFigures, *pgx.Conn) {
	conn := s.conn
	if conn == nil {
		var err error
		if conn, err = s.connect(ctx); conn == nil {
			return problem(err), nil
		}
	}
	found, err := readShop(ctx, conn)
	if err != nil {
		_ = conn.Close(ctx)
		return problem(err), nil
	}
	return found, conn
}

// problem is shown without the text of the driver, which may name hosts and users.
func problem(err error) *shopFigures {
	if err == nil {
		return nil
	}
	return &shopFigures{Asked: time.Now(), Minutes: []shopMinute{}, Problem: "The database did not answer in time."}
}

func (s *shop) connect(ctx context.Context) (conn *pgx.Conn, err error) {
	for _, dial := range s.board.Databases() {
		if conn, err = dial(ctx); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// readShop reads the views; nil when there are none.
func readShop(ctx context.Context, conn *pgx.Conn) (*shopFigures, error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	limit := fmt.Sprintf("SET LOCAL statement_timeout = %d", shopTimeout.Milliseconds())
	if _, err := tx.Exec(ctx, limit); err != nil {
		return nil, err
	}
	var there bool
	if err := tx.QueryRow(ctx, "SELECT to_regclass('shop_events_by_minute') IS NOT NULL").Scan(&there); err != nil || !there {
		return nil, err
	}
	rows, err := tx.Query(ctx, "SELECT minute, event_type, events, revenue::float8 FROM shop_events_by_minute ORDER BY 1, 2")
	if err != nil {
		return nil, err
	}
	found := &shopFigures{Asked: time.Now(), Minutes: []shopMinute{}}
	var minute time.Time
	var name string
	var events int64
	var revenue float64
	_, err = pgx.ForEachRow(rows, []any{&minute, &name, &events, &revenue}, func() error {
		found.add(minute, name, events, revenue)
		return nil
	})
	return found, err
}

// mostTypes bounds the event types that are counted separately in a minute.
const mostTypes = 12

func (f *shopFigures) add(minute time.Time, name string, events int64, revenue float64) {
	last := len(f.Minutes) - 1
	if last < 0 || !f.Minutes[last].Minute.Equal(minute) {
		f.Minutes = append(f.Minutes, shopMinute{Minute: minute.UTC(), Events: map[string]int64{}})
		last++
	}
	m := &f.Minutes[last]
	if _, known := m.Events[name]; !known && len(m.Events) >= mostTypes {
		name = "other"
	}
	m.Events[name] += events
	m.Revenue += revenue
}
