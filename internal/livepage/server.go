// Package livepage serves a page that shows how a pipeline stands, live, to
// people, and the same as JSON to connect top.
package livepage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/ecommerce-ingest/connect/internal/status"
)

// Options of a page.
type Options struct {
	// Address is host:port to listen on. Port 0 takes a free one.
	Address string
	// AllowedHosts are names by which the page may be asked for, beside localhost
	// and every IP address.
	AllowedHosts []string
	// ShowValues has reasons of rejections quote the values they are about.
	ShowValues bool
}

// Server is a running page.
type Server struct {
	board    *status.Board
	opts     Options
	listener net.Listener
	http     *http.Server
	stop     context.CancelFunc
	ctx      context.Context
	feed     feed
	shop     *shop
}

// Start listens and serves the page of a board until Close.
func Start(board *status.Board, opts Options) (*Server, error) {
	listener, err := net.Listen("tcp", opts.Address)
	if err != nil {
		return nil, fmt.Errorf("opening the live page at %s: %w", opts.Address, err)
	}
	s := &Server{board: board, opts: opts, listener: listener, shop: &shop{board: board}}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return s.ctx },
	}
	go board.Run(s.ctx)
	go func() { _ = s.http.Serve(listener) }()
	return s, nil
}

// URL is where the page is, as a person would open it.
func (s *Server) URL() string {
	host, port, err := net.SplitHostPort(s.listener.Addr().String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// Close ends the page and every connection to it.
func (s *Server) Close() error {
	s.stop()
	err := s.http.Close()
	s.shop.close()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
