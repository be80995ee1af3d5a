package postgrescopy

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/internal/postgres/postgrestest"
)

// certificate makes a certificate for loopback that is its own authority, and
// its key, both in PEM.
func certificate(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	keyDER, err := x509.MarshalECPrivateKey(private)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
}

func TestTLSComesFromTheDSNOrTheConfiguration(t *testing.T) {
	t.Parallel()
	server := postgrestest.NewServer(t, nil)
	db := openTestDB(t, server.DSN(), `CREATE TABLE v (v int DEFAULT 1)`)
	data := db.value("SHOW data_directory")
	cert, key := certificate(t)
	keyFile, certFile := filepath.Join(data, "server.key"), filepath.Join(data, "server.crt")
	require.NoError(t, os.WriteFile(certFile, cert, 0o644))
	require.NoError(t, os.WriteFile(keyFile, key, 0o600))
	sameOwner(t, data, certFile, keyFile)
	db.exec("ALTER SYSTEM SET ssl = on; ")
	db.exec("SELECT pg_reload_conf()")
	authority := filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, os.WriteFile(authority, cert, 0o600))
	other, _ := certificate(t)

	u, err := url.Parse(server.DSN())
	require.NoError(t, err)
	u.RawQuery = url.Values{"sslmode": {"verify-full"}, "sslrootcert": {authority}}.Encode()
	inline := func(pem []byte) string {
		return "tls:\n  enabled: true\n  root_cas: |\n    " + strings.ReplaceAll(strings.TrimSpace(string(pem)), "\n", "\n    ")
	}
	encrypted := func(o *testOutput) string {
		return db.value("SELECT bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name = 'tls test'")
	}
	for name, c := range map[string]struct{ dsn, yaml, wrong string }{
		"by the DSN":                       {u.String(), "", ""},
		"by the configuration":             {server.DSN(), inline(cert), ""},
		"with an authority that is not it": {server.DSN(), inline(other), "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			var o *testOutput
			require.Eventually(t, func() bool { // until the server has read its settings
				o = newTestOutput(t, c.dsn, "table: v\napplication_name: tls test\nunknown_fields: ignore\n"+c.yaml)
				err := o.Connect(context.Background())
				if c.wrong == "" {
					return err == nil
				}
				var pause *service.ErrBackOff
				return assert.ErrorAs(t, err, &pause) && strings.Contains(err.Error(), c.wrong) && pause.Wait == time.Second
			}, patient, 100*time.Millisecond)
			if c.wrong == "" {
				assert.Empty(t, o.write(fields{}))
				assert.Equal(t, "t", encrypted(o))
				require.NoError(t, o.Close(context.Background()))
			}
		})
	}
}
