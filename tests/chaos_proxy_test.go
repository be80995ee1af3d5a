//go:build unix

package tests

import (
	"bufio"
	wire "encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// cutPoint is where the proxy cuts a connection.
type cutPoint int

const (
	nowhere     cutPoint = iota
	cutAtCommit          // what commits was passed on; nobody knows whether it did
	cutAtAnswer          // the server has committed, and its answer is not passed on
)

// chaosProxy stands between the pipeline and its server, and understands enough
// of what they say to know when a transaction is about to be committed.
type chaosProxy struct {
	server string // host:port

	mu      sync.Mutex
	commits int           // that were sent
	cut     cutPoint      // for the next of them
	changed chan struct{} // closed, and made anew, when one of these changes
}

// newChaosProxy listens in front of the server of dsn, and returns the DSN that
// leads through it.
func newChaosProxy(t testing.TB, dsn string) (*chaosProxy, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	server, proxied := through(t, dsn, listener.Addr().String())
	p := &chaosProxy{server: server, changed: make(chan struct{})}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p, proxied
}

// await waits until check, which is called under the lock, is satisfied.
func (p *chaosProxy) await(limit time.Duration, check func() bool) bool {
	timeout := time.After(limit)
	for {
		p.mu.Lock()
		ok, changed := check(), p.changed
		p.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-timeout:
			return false
		}
	}
}

// awaitCommits waits for n more of them.
func (p *chaosProxy) awaitCommits(n int, limit time.Duration) bool {
	p.mu.Lock()
	want := p.commits + n
	p.mu.Unlock()
	return p.await(limit, func() bool { return p.commits >= want })
}

// cutNext cuts the next connection that comes to this point.
func (p *chaosProxy) cutNext(at cutPoint, limit time.Duration) bool {
	p.mu.Lock()
	p.cut = at
	p.mu.Unlock()
	done := p.await(limit, func() bool { return p.cut == nowhere })
	p.mu.Lock()
	p.cut = nowhere
	p.mu.Unlock()
	return done
}

// commit counts a commit that is about to be sent, and tells where to cut it.
func (p *chaosProxy) commit() (at cutPoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, p.cut = p.cut, nowhere
	p.commits++
	close(p.changed)
	p.changed = make(chan struct{})
	return at
}

func (p *chaosProxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	l := &chaosLine{proxy: p, client: client, server: server, answered: make(chan struct{})}
	go l.toClient()
	l.toServer()
}

// chaosLine is one connection through the proxy.
type chaosLine struct {
	proxy          *chaosProxy
	client, server net.Conn
	answered       chan struct{} // closed when nothing more comes from the server, or needs to

	mu     sync.Mutex
	silent bool // answers are not passed on
}

// toServer passes on what the client says until the line is cut.
func (l *chaosLine) toServer() {
	in := bufio.NewReaderSize(l.client, 64<<10)
	first, err := in.Peek(4)
	if err != nil {
		return
	}
	if _, err := io.CopyN(l.server, in, int64(wire.BigEndian.Uint32(first))); err != nil {
		return
	}
	copying, explicit := false, false
	for {
		head, err := in.Peek(5)
		if err != nil {
			return
		}
		kind, message := head[0], make([]byte, 1+wire.BigEndian.Uint32(head[1:]))
		if _, err := io.ReadFull(in, message); err != nil {
			return
		}
		commits := false
		switch kind {
		case 'Q':
			text := string(message[5:])
			explicit = (explicit || strings.HasPrefix(text, "BEGIN")) && !strings.HasPrefix(text, "ROLLBACK")
			commits = strings.HasSuffix(text, "COMMIT\x00")
			copying = false
		case 'd':
			copying = true
		case 'c': // with it ends a transaction that has no BEGIN
			commits = copying && !explicit
		}
		at := nowhere
		if commits {
			explicit = false
			at = l.proxy.commit()
		}
		if at == cutAtAnswer {
			l.mu.Lock()
			l.silent = true
			l.mu.Unlock()
		}
		if _, err := l.server.Write(message); err != nil {
			return
		}
		switch at {
		case cutAtCommit:
			l.client.Close()
			// Give the server its time to commit, as a network would.
			<-l.answered
			return
		case cutAtAnswer:
			<-l.answered
			return
		}
	}
}

// toClient passes on what the server says.
func (l *chaosLine) toClient() {
	defer l.client.Close()
	defer close(l.answered)
	in := bufio.NewReaderSize(l.server, 16<<10)
	for {
		head, err := in.Peek(5)
		if err != nil {
			return
		}
		kind, message := head[0], make([]byte, 1+wire.BigEndian.Uint32(head[1:]))
		if _, err := io.ReadFull(in, message); err != nil {
			return
		}
		l.mu.Lock()
		silent := l.silent
		l.mu.Unlock()
		if silent {
			if kind == 'Z' {
				return
			}
			continue
		}
		if _, err := l.client.Write(message); err != nil {
			return
		}
	}
}
