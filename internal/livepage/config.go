package livepage

import (
	"fmt"
	"net"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/internal/status"
)

const (
	fieldSection      = "live_page"
	fieldEnabled      = "enabled"
	fieldAddress      = "address"
	fieldAllowedHosts = "allowed_hosts"
	fieldShowValues   = "show_values"

	// DefaultAddress is where the page is unless the configuration says otherwise.
	DefaultAddress = "127.0.0.1:4194"
)

// Field is the section of the main configuration that sets the page up.
func Field() *service.ConfigField {
	return service.NewObjectField(fieldSection,
		service.NewBoolField(fieldEnabled).
			Description("Whether to serve the page.").
			Default(false),
		service.NewStringField(fieldAddress).
			Description("The `host:port` to listen on. The page has no log-in: let it listen on other addresses than loopback only where everybody who reaches them may see it. Port 0 takes a free one.").
			Default(DefaultAddress),
		service.NewStringListField(fieldAllowedHosts).
			Description("Names by which the page may be asked for, beside `localhost` and every IP address: those of a proxy in front of it, say.").
			Advanced().
			Default([]any{}),
		service.NewBoolField(fieldShowValues).
			Description("Whether reasons of rejections quote the values that they are about, which may be personal data. Names of columns and constraints are always shown.").
			Advanced().
			Default(false),
	).Description("A page that shows how the pipeline stands, live, in a browser and to `connect top`.")
}

// Schema is the schema of the program's configuration: that of Benthos, whose
// server listens on loopback unless configured otherwise, and the page.
func Schema(version, date string) *service.ConfigSchema {
	schema := service.GlobalEnvironment().FullConfigSchema(version, date).Field(Field())
	schema.SetFieldDefault("127.0.0.1:4195", "http", "address")
	return schema
}

// FromParsed serves the page as the main configuration says. The page is no
// reason for a pipeline not to run: what is in the way of it, such as a port in
// use, is logged.
func FromParsed(conf *service.ParsedConfig) error {
	if conf == nil || !conf.Contains(fieldSection) {
		return nil
	}
	conf = conf.Namespace(fieldSection)
	enabled, err := conf.FieldBool(fieldEnabled)
	if err != nil || !enabled {
		return err
	}
	opts, err := optionsFromParsed(conf)
	if err != nil {
		return err
	}
	log := conf.Resources().Logger()
	page, err := Start(status.Of(conf.Resources()), opts)
	if err != nil {
		log.Warnf("There is no live page: %v: set live_page.address to another address. The pipeline runs without it", err)
		return nil
	}
	log.Infof("The live page is at %s", page.URL())
	return nil
}

func optionsFromParsed(conf *service.ParsedConfig) (opts Options, err error) {
	if opts.Address, err = conf.FieldString(fieldAddress); err != nil {
		return opts, err
	}
	if _, _, err := net.SplitHostPort(opts.Address); err != nil {
		return opts, fmt.Errorf("live_page.address %q: write host:port, such as %s", opts.Address, DefaultAddress)
	}
	if opts.AllowedHosts, err = conf.FieldStringList(fieldAllowedHosts); err != nil {
		return opts, err
	}
	opts.ShowValues, err = conf.FieldBool(fieldShowValues)
	return opts, err
}
