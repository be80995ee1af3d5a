package postgrescopy

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy stands between an output and its server, reads what they say to each
// other, and can cut the line at a chosen point.
type proxy struct {
	listener net.Listener
	server   string // host:port

	mu  sync.Mutex
	cut cutPoint
	n   int // how many cuts have been made
	// copies and streamed count the statements with a COPY FROM STDIN, and the
	// rows' bytes.
	copies, streamed int
	lines            int // connections taken
	steps            int // messages until the line is cut; less than 0: it is not
	all              map[net.Conn]bool
}

// cutPoint is where a connection is cut, once.
type cutPoint int

const (
	nowhere      cutPoint = iota
	beforeCommit          // all rows are with the server, the end of them is not
	afterCommit           // the server has committed; its answer is not passed on
	duringCopy            // in the midst of the rows
	untilTimeout          // within a transaction, the next COPY waits until the server has hung up
	everyNewLine          // connections are refused
)

func newProxy(tb testing.TB, dsn string) (*proxy, string) {
	tb.Helper()
	u, err := url.Parse(dsn)
	require.NoError(tb, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	p := &proxy{listener: listener, server: u.Host, all: map[net.Conn]bool{}, steps: -1}
	go p.accept()
	tb.Cleanup(func() {
		listener.Close()
		p.hangUp()
	})
	u.Host = listener.Addr().String()
	q := u.Query()
	q.Set("sslmode", "disable")
	u.RawQuery = q.Encode()
	return p, u.String()
}

// arm has the next transaction cut.
func (p *proxy) arm(at cutPoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = at
}

func (p *proxy) at(point cutPoint) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cut == point
}

// take reports whether to cut here, and disarms.
func (p *proxy) take(point cutPoint) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut != point {
		return false
	}
	p.cut = nowhere
	p.n++
	return true
}

// armAfter has the line cut in place of the message that follows so many.
func (p *proxy) armAfter(messages int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps = messages
}

// step reports whether to cut here.
func (p *proxy) step() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.steps < 0 {
		return false
	}
	p.steps--
	if p.steps < 0 {
		p.n++
	}
	return p.steps < 0
}

// count notes a message to the server.
func (p *proxy) count(kind byte, body []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case kind == 'Q' && bytes.Contains(body, []byte("FROM STDIN")):
		p.copies++
	case kind == 'd':
		p.streamed += len(body)
	}
}

// counted returns what was counted since it was called last.
func (p *proxy) counted() (copies, streamed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	copies, streamed = p.copies, p.streamed
	p.copies, p.streamed = 0, 0
	return copies, streamed
}

func (p *proxy) taken() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines
}

func (p *proxy) cuts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n
}

// hangUp cuts every connection.
func (p *proxy) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.all {
		c.Close()
	}
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.lines++
		p.mu.Unlock()
		if p.at(everyNewLine) {
			client.Close()
			continue
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.all[client], p.all[server] = true, true
		p.mu.Unlock()
		line := &proxyLine{p: p, client: client, server: server, answered: make(chan struct{})}
		go line.toServer()
		go line.toClient()
	}
}

// proxyLine is one connection through the proxy.
type proxyLine struct {
	p              *proxy
	client, server net.Conn

	mu       sync.Mutex
	ready    bool          // the server has answered the last query
	silent   bool          // the server's answers are not passed on
	answered chan struct{} // closed when the server was ready again while silent
}

// silence cuts the line after the commit, unless the server has failed before.
func (l *proxyLine) silence() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent = !l.ready && l.p.take(afterCommit)
	return l.silent
}

func (l *proxyLine) close() {
	l.client.Close()
	l.server.Close()
}

// toServer passes on messages, and knows where each begins. A COPY ends, and
// with it most transactions, by a CopyDone.
func (l *proxyLine) toServer() {
	defer l.close()
	var startup [4]byte
	if _, err := io.ReadFull(l.client, startup[:]); err != nil {
		return
	}
	if l.pass(startup[:], binary.BigEndian.Uint32(startup[:])-4) != nil {
		return
	}
	rows := 0
	for {
		var head [5]byte
		if _, err := io.ReadFull(l.client, head[:]); err != nil {
			return
		}
		length := binary.BigEndian.Uint32(head[1:]) - 4
		body := make([]byte, length)
		if _, err := io.ReadFull(l.client, body); err != nil {
			return
		}
		l.p.count(head[0], body)
		if l.p.step() {
			return
		}
		if head[0] == 'Q' {
			rows = 0
			l.mu.Lock()
			l.ready = false
			l.mu.Unlock()
		}
		commits := head[0] == 'c' || (head[0] == 'Q' && strings.HasSuffix(string(body), "COMMIT\x00"))
		if head[0] == 'd' {
			if rows++; rows == 2 && l.p.take(duringCopy) {
				return
			}
		}
		if head[0] == 'Q' && bytes.Contains(body, []byte("FROM STDIN")) && !bytes.HasPrefix(body, []byte("BEGIN")) && l.p.take(untilTimeout) {
			<-l.answered
			return
		}
		if commits && l.p.take(beforeCommit) {
			return
		}
		if commits && l.silence() {
			_, _ = l.server.Write(append(head[:], body...))
			<-l.answered
			return
		}
		if _, err := l.server.Write(append(head[:], body...)); err != nil {
			return
		}
	}
}

func (l *proxyLine) pass(head []byte, length uint32) error {
	if _, err := l.server.Write(head); err != nil {
		return err
	}
	_, err := io.CopyN(l.server, l.client, int64(length))
	return err
}

func (l *proxyLine) toClient() {
	defer l.close()
	var once sync.Once
	defer once.Do(func() { close(l.answered) })
	for {
		var head [5]byte
		if _, err := io.ReadFull(l.server, head[:]); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(l.server, body); err != nil {
			return
		}
		l.mu.Lock()
		l.ready = l.ready || head[0] == 'Z'
		silent := l.silent
		l.mu.Unlock()
		if !silent {
			if _, err := l.client.Write(append(head[:], body...)); err != nil {
				return
			}
			continue
		}
		if head[0] == 'Z' {
			once.Do(func() { close(l.answered) })
			return
		}
	}
}
