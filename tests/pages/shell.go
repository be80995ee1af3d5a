package pages

import (
	"fmt"
	"regexp"
	"strings"
)

// documentedDSN is the DSN that the pages show; the tests put that of their own database in its place.
const documentedDSN = "postgres://postgres:mysecretpassword@localhost:5432/ecommerce_events?sslmode=disable"

// prelude holds the functions that the script of a page uses.
const prelude = `set -eu -o pipefail
# until_ready PID: waits until the pipeline is ready and has read everything, then stops it as Ctrl-C does.
until_ready() {
  for _ in $(seq 600); do
    kill -0 "$1" 2> /dev/null || { echo "the pipeline ended by itself" >&2; wait "$1"; return 1; }
    if curl -fsS "http://$HTTP_ADDRESS/ready" > /dev/null 2>&1 &&
      curl -fsS "http://$HTTP_ADDRESS/metrics" | grep -Eq '^(csv_watch_files_waiting[^ ]*|input_received[^ ]*) 0$|^output_sent[^ ]* [1-9]'; then
      sleep 1.5 # the input's quiet period: a last record without a line end is read after it
      kill -INT "$1"
      wait "$1"
      return
    fi
    sleep 0.1
  done
  echo "the pipeline was not ready within a minute" >&2
  return 1
}
`

var fails = regexp.MustCompile(`^fails with (\d+)$`)

// script returns the shell script of a page.
func script(blocks []block) (string, error) {
	var b strings.Builder
	b.WriteString(prelude)
	for _, block := range blocks {
		if block.language != "sh" && block.language != "bash" {
			continue
		}
		fmt.Fprintf(&b, "echo '=== line %d' >&2\n", block.line)
		text := strings.TrimRight(block.text, "\n") + "\n"
		code := fails.FindStringSubmatch(block.directive)
		switch {
		case block.directive == "":
			b.WriteString(text)
		case strings.HasPrefix(block.directive, "skip, "):
			fmt.Fprintf(&b, "echo 'not run: %s' >&2\n", strings.ReplaceAll(block.directive[len("skip, "):], "'", ""))
		case block.directive == "until ready":
			before, last := lastCommand(text)
			fmt.Fprintf(&b, "%s%s &\nuntil_ready $!\n", before, last)
		case code != nil:
			before, last := lastCommand(text)
			fmt.Fprintf(&b, "%scode=0; %s || code=$?\n[ \"$code\" = %s ] || { echo \"it ended with $code in place of %s\" >&2; exit 1; }\n",
				before, last, code[1], code[1])
		default:
			return "", fmt.Errorf("line %d: there is no directive %q", block.line, block.directive)
		}
	}
	return b.String(), nil
}

var comment = regexp.MustCompile(`\s+#\s.*$`)

// lastCommand splits a block before its last command, which loses the comment behind it.
func lastCommand(text string) (before, last string) {
	lines := strings.SplitAfter(strings.TrimRight(text, "\n"), "\n")
	at := len(lines) - 1
	for at > 0 && strings.HasSuffix(strings.TrimRight(lines[at-1], "\n"), `\`) {
		at--
	}
	return strings.Join(lines[:at], ""), comment.ReplaceAllString(strings.Join(lines[at:], ""), "")
}
