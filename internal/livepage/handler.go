package livepage

import (
	"embed"
	"io/fs"
	"net"
	"net/http"
	"slices"
	"strings"
)

//go:embed web
var web embed.FS

// policy lets the page load what it is made of, and nothing from elsewhere.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func (s *Server) handler() http.Handler {
	files, err := fs.Sub(web, "web")
	if err != nil {
		panic(err) // a folder that is embedded is there
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /api/status", s.status)
	mux.HandleFunc("GET /api/history", s.history)
	mux.HandleFunc("GET /api/events", s.events)
	return s.guard(mux)
}

// guard refuses requests that name another host: a page of somebody else, whose
// name was made to lead here, must not read this one.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		if !s.knows(r.Host) {
			http.Error(w, "This page does not answer to that name. Ask by IP address, or add the name to live_page.allowed_hosts.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// knows reports whether a request may name this host: an IP address, which no
// name server can give to somebody else, localhost, or a name that is allowed.
func (s *Server) knows(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "localhost" || net.ParseIP(host) != nil {
		return true
	}
	return slices.ContainsFunc(s.opts.AllowedHosts, func(name string) bool { return strings.EqualFold(name, host) })
}
