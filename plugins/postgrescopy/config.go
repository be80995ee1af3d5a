package postgrescopy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/ledger"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/table"
)

const (
	fieldDSN              = "dsn"
	fieldTable            = "table"
	fieldColumns          = "columns"
	fieldArgsMapping      = "args_mapping"
	fieldMapping          = "mapping"
	fieldRejects          = "rejects"
	fieldRejectsTable     = "table"
	fieldRejectsMapping   = "mapping"
	fieldUnknownFields    = "unknown_fields"
	fieldUnknownColumn    = "unknown_fields_column"
	fieldWriteMode        = "write_mode"
	fieldPrimaryKeys      = "primary_keys"
	fieldSequenceBy       = "sequence_by"
	fieldExactlyOnce      = "exactly_once"
	fieldChannel          = "channel"
	fieldOffsetToken      = "offset_token"
	fieldLowWatermark     = "low_watermark"
	fieldScope            = "scope"
	fieldLedgerTable      = "table"
	fieldInitFiles        = "init_files"
	fieldInitStatement    = "init_statement"
	fieldConnMaxIdleTime  = "conn_max_idle_time"
	fieldConnMaxLifeTime  = "conn_max_life_time"
	fieldConnMaxIdle      = "conn_max_idle"
	fieldConnMaxOpen      = "conn_max_open"
	fieldConnectTimeout   = "connect_timeout"
	fieldStatementTimeout = "statement_timeout"
	fieldApplicationName  = "application_name"
	fieldSession          = "session"
	fieldDryRun           = "dry_run"
	fieldTLS              = "tls"
	fieldMaxInFlight      = "max_in_flight"
	fieldBatching         = "batching"

	unknownError   = "error"
	unknownIgnore  = "ignore"
	unknownCollect = "collect"
)

// outputConfig is the configuration of an output, read and checked.
type outputConfig struct {
	connection   conn.Settings
	table        *service.InterpolatedString
	tableOptions table.Options
	mapping      *rowMapping        // nil: the message is the row
	args         *bloblang.Executor // nil: the message is an object of columns
	rejects      *rejectsConfig     // nil: rejected rows are given back
	ledger       *ledger.Ledger     // nil without exactly_once
	channel      *token
	offset       *token
	low          *token // nil: messages carry no low watermark
	initScripts  []conn.InitScript
	initMissed   []string // the patterns of init_files that no file matches
	maxInFlight  int
	dryRun       bool
}

func configFromParsed(conf *service.ParsedConfig) (*outputConfig, error) {
	c := &outputConfig{}
	for _, read := range []func(*service.ParsedConfig) error{
		c.readTarget, c.readRejects, c.readLedger, c.readInit, c.readConnection, c.check,
	} {
		if err := read(conf); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *outputConfig) readTarget(conf *service.ParsedConfig) (err error) {
	if c.table, err = conf.FieldInterpolatedString(fieldTable); err != nil {
		return err
	}
	if name, static := c.table.Static(); static {
		if _, err = sqltext.ParseTableName(name); err != nil {
			return err
		}
	}
	if conf.Contains(fieldColumns) {
		if c.tableOptions.Columns, err = conf.FieldStringList(fieldColumns); err != nil {
			return err
		}
	}
	mapping, err := mappingFrom(conf, fieldMapping)
	if err != nil {
		return err
	}
	if mapping != nil {
		c.mapping = newRowMapping(mapping)
	}
	if c.args, err = mappingFrom(conf, fieldArgsMapping); err != nil {
		return err
	}
	mode, err := conf.FieldString(fieldWriteMode)
	if err != nil {
		return err
	}
	c.tableOptions.Mode = table.WriteMode(mode)
	if conf.Contains(fieldPrimaryKeys) {
		if c.tableOptions.Keys, err = conf.FieldStringList(fieldPrimaryKeys); err != nil {
			return err
		}
	}
	if conf.Contains(fieldSequenceBy) {
		if c.tableOptions.SequenceBy, err = conf.FieldString(fieldSequenceBy); err != nil {
			return err
		}
	}
	// An empty list says no more than none at all.
	if len(c.tableOptions.Columns) == 0 {
		c.tableOptions.Columns = nil
	}
	if len(c.tableOptions.Keys) == 0 {
		c.tableOptions.Keys = nil
	}
	unknown, err := conf.FieldString(fieldUnknownFields)
	if err != nil {
		return err
	}
	c.tableOptions.IgnoreUnknown = unknown == unknownIgnore
	if unknown == unknownCollect {
		c.tableOptions.CollectUnknown, err = conf.FieldString(fieldUnknownColumn)
	}
	return err
}

// mappingFrom parses a mapping. An empty one, which `connect create` writes, is none.
func mappingFrom(conf *service.ParsedConfig, field string) (*bloblang.Executor, error) {
	if !conf.Contains(field) {
		return nil, nil
	}
	text, err := conf.FieldString(field)
	if err != nil || text == "" {
		return nil, err
	}
	return conf.FieldBloblang(field)
}

func (c *outputConfig) readRejects(conf *service.ParsedConfig) (err error) {
	if !conf.Contains(fieldRejects) {
		return nil
	}
	conf = conf.Namespace(fieldRejects)
	c.rejects = &rejectsConfig{}
	if c.rejects.table, err = conf.FieldString(fieldRejectsTable); err != nil {
		return err
	}
	if _, err = sqltext.ParseTableName(c.rejects.table); err != nil {
		return fmt.Errorf("`rejects`: %w", err)
	}
	c.rejects.mapping, err = mappingFrom(conf, fieldRejectsMapping)
	return err
}

// readLedger takes a block without channel and offset, which `connect create`
// writes, for none.
func (c *outputConfig) readLedger(conf *service.ParsedConfig) (err error) {
	if !conf.Contains(fieldExactlyOnce) {
		return nil
	}
	conf = conf.Namespace(fieldExactlyOnce)
	if c.channel, err = tokenFrom(conf, fieldChannel); err != nil {
		return err
	}
	if c.offset, err = tokenFrom(conf, fieldOffsetToken); err != nil {
		return err
	}
	if c.channel.text == "" && c.offset.text == "" {
		c.channel, c.offset = nil, nil
		return nil
	}
	if c.low, err = lowWatermark(conf, c.offset); err != nil {
		return err
	}
	scope, err := conf.FieldString(fieldScope)
	if err != nil {
		return err
	}
	name, err := conf.FieldString(fieldLedgerTable)
	if err != nil {
		return err
	}
	c.ledger, err = ledger.New(name, scope)
	return err
}

// watermarkOf has the metadata that holds the low watermark of an offset.
var watermarkOf = map[string]string{"csv_row": "csv_low_watermark", "kafka_offset": "kafka_low_watermark"}

// lowWatermark reads the field, or takes the metadata that belongs to the offset.
func lowWatermark(conf *service.ParsedConfig, offset *token) (*token, error) {
	text, err := conf.FieldString(fieldLowWatermark)
	if err != nil || text != "" {
		low, err2 := tokenFrom(conf, fieldLowWatermark)
		return low, errors.Join(err, err2)
	}
	if name, ok := watermarkOf[offset.metadata()]; ok {
		return &token{plain: []tokenPart{{name: name}}}, nil
	}
	return nil, nil
}

func tokenFrom(conf *service.ParsedConfig, field string) (*token, error) {
	interpolated, err := conf.FieldInterpolatedString(field)
	if err != nil {
		return nil, err
	}
	text, err := conf.FieldString(field)
	if err != nil {
		return nil, err
	}
	return newToken(text, interpolated), nil
}

func (c *outputConfig) readInit(conf *service.ParsedConfig) (err error) {
	var files []string
	if conf.Contains(fieldInitFiles) {
		if files, err = conf.FieldStringList(fieldInitFiles); err != nil {
			return err
		}
	}
	for _, pattern := range files {
		if found, err := service.Globs(conf.Resources().FS(), pattern); err == nil && len(found) == 0 {
			c.initMissed = append(c.initMissed, pattern)
		}
	}
	if files, err = service.Globs(conf.Resources().FS(), files...); err != nil {
		return fmt.Errorf("looking for `init_files`: %w", err)
	}
	var statement string
	if conf.Contains(fieldInitStatement) {
		if statement, err = conf.FieldString(fieldInitStatement); err != nil {
			return err
		}
	}
	c.initScripts, err = conn.ReadInitScripts(files, statement, func(path string) ([]byte, error) {
		return service.ReadFile(conf.Resources().FS(), path)
	})
	return err
}

func (c *outputConfig) readConnection(conf *service.ParsedConfig) (err error) {
	s := &c.connection
	if s.DSN, err = conf.FieldString(fieldDSN); err != nil {
		return err
	}
	s.DSN = strings.TrimSpace(s.DSN) // as a file or a secret may have it
	var enabled bool
	if s.TLS, enabled, err = conf.FieldTLSToggled(fieldTLS); err != nil {
		return err
	}
	if !enabled {
		s.TLS = nil
	}
	if s.ApplicationName, err = conf.FieldString(fieldApplicationName); err != nil {
		return err
	}
	if conf.Contains(fieldSession) {
		if s.Session, err = conf.FieldStringMap(fieldSession); err != nil {
			return err
		}
	}
	if s.ConnectTimeout, err = conf.FieldDuration(fieldConnectTimeout); err != nil {
		return err
	}
	if s.StatementTimeout, err = conf.FieldDuration(fieldStatementTimeout); err != nil {
		return err
	}
	if s.MaxIdleTime, err = conf.FieldDuration(fieldConnMaxIdleTime); err != nil {
		return err
	}
	if s.MaxLifeTime, err = conf.FieldDuration(fieldConnMaxLifeTime); err != nil {
		return err
	}
	if s.MaxIdle, err = conf.FieldInt(fieldConnMaxIdle); err != nil {
		return err
	}
	if s.MaxOpen, err = conf.FieldInt(fieldConnMaxOpen); err != nil {
		return err
	}
	if c.dryRun, err = conf.FieldBool(fieldDryRun); err != nil {
		return err
	}
	if c.dryRun {
		c.initScripts, c.ledger = nil, nil // both would change the database
	}
	if c.maxInFlight, err = conf.FieldMaxInFlight(); err != nil {
		return err
	}
	if c.maxInFlight > 1 && c.tableOptions.Mode == table.Upsert && c.tableOptions.SequenceBy == "" {
		c.maxInFlight = 1 // nothing else keeps the order of two states of a key
	}
	if s.MaxOpen <= 0 {
		s.MaxOpen = max(c.maxInFlight, 1)
	}
	_, err = s.PoolConfig()
	return err
}

func init() {
	service.MustRegisterBatchOutput("postgres_copy", spec(),
		func(conf *service.ParsedConfig, mgr *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
			policy, err := conf.FieldBatchPolicy(fieldBatching)
			if err != nil {
				return nil, policy, 0, err
			}
			parsed, err := configFromParsed(conf)
			if err != nil {
				return nil, policy, 0, err
			}
			return newCopyOutput(parsed, mgr), policy, parsed.maxInFlight, nil
		})
}
