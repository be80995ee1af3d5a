//go:build unix

package chaos

import (
	"bufio"
	wire "encoding/binary"
	"io"
	"net"
	"net/url"
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
	cutAtCommit          // after COMMIT is sent, before the response
	cutAtAnswer          // after the server has committed, without passing on the response
)

// proxy passes connections on to the server. It parses enough of the protocol to know
// when a transaction is about to be committed.
type proxy struct {
	server string // host:port

	mu      sync.Mutex
	commits int           // how many were sent
	cut     cutPoint      // of the next commit
	changed chan struct{} // closed and replaced when one of these changes
}

// newProxy starts a proxy for the server of dsn, and returns the DSN of the proxy.
func newProxy(t testing.TB, dsn string) (*proxy, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	server, proxied := through(t, dsn, listener.Addr().String())
	p := &proxy{server: server, changed: make(chan struct{})}
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

// await waits until check returns true, and reports whether it did within the limit.
// check is called under the lock.
func (p *proxy) await(limit time.Duration, check func() bool) bool {
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

// awaitCommits waits for n more commits.
func (p *proxy) awaitCommits(n int, limit time.Duration) bool {
	p.mu.Lock()
	want := p.commits + n
	p.mu.Unlock()
	return p.await(limit, func() bool { return p.commits >= want })
}

// cutNext cuts the next connection that reaches a point, and reports whether one did.
func (p *proxy) cutNext(at cutPoint, limit time.Duration) bool {
	p.mu.Lock()
	p.cut = at
	p.mu.Unlock()
	done := p.await(limit, func() bool { return p.cut == nowhere })
	p.mu.Lock()
	p.cut = nowhere
	p.mu.Unlock()
	return done
}

// commit counts a commit that is about to be sent, and returns where to cut it.
func (p *proxy) commit() (at cutPoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, p.cut = p.cut, nowhere
	p.commits++
	close(p.changed)
	p.changed = make(chan struct{})
	return at
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	l := &proxiedConn{proxy: p, client: client, server: server, answered: make(chan struct{})}
	go l.toClient()
	l.toServer()
}

// proxiedConn is one connection through the proxy.
type proxiedConn struct {
	proxy          *proxy
	client, server net.Conn
	answered       chan struct{} // closed at the end of what the server sends

	mu     sync.Mutex
	silent bool // responses are not passed on
}

// toServer passes on what the client sends until the connection is cut.
func (l *proxiedConn) toServer() {
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
		case 'c': // CopyDone commits if there was no BEGIN
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
			// Let the server commit, as a network failure would.
			<-l.answered
			return
		case cutAtAnswer:
			<-l.answered
			return
		}
	}
}

// toClient passes on what the server sends.
func (l *proxiedConn) toClient() {
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

// through returns the address of a DSN, and the DSN with another address.
func through(t testing.TB, dsn, address string) (server, proxied string) {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	server, u.Host = u.Host, address
	return server, u.String()
}
