package conn

import (
	"net"
	"time"
)

// deadAfter is about how long it takes until a host that has vanished without a
// word, as by a pulled cable, is taken for lost, idle or not.
const deadAfter = 35 * time.Second

// newDialer asks the other side for a sign of life far more often than the
// system would: a batch that waits for an answer keeps everything waiting.
func newDialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 4},
	}
}
