package pgvalue

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheServerReadsTextsLeftToIt(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, c := range []struct {
		name, typ, settings, text, want string
	}{
		{"a date in words", "date", "", "5 January 2021", "2021-01-05"},
		{"the order of DateStyle", "date", "SET LOCAL DateStyle = 'ISO, MDY'; ", "01/05/2021", "2021-01-05"},
		{"another DateStyle of the session", "date", "SET LOCAL DateStyle = 'ISO, DMY'; ", "01/05/2021", "2021-05-01"},
		{"the name of a time zone", "timestamptz", "", "2021-07-01 10:00 Europe/Berlin", "2021-07-01 08:00:00+00"},
		{"no zone, as Append", "timestamptz", "SET LOCAL TimeZone = 'Asia/Tokyo'; ", "1 July 2021 10:00", "2021-07-01 10:00:00+00"},
		{"an hour after noon", "time", "", "04:05 PM", "16:05:00"},
		{"a network of one number", "cidr", "", "10", "10.0.0.0/8"},
		{"the text form of an array", "int4[]", "", "[0:1]={1,NULL}", "[0:1]={1,NULL}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &server{tb: t, conn: s.conn, major: s.major}
			column := s.table("read", c.typ)
			_, err := column.Append(nil, c.text)
			var left *ValueError
			require.ErrorAs(t, err, &left)
			require.Equal(t, c.text, left.Unread)
			fields, refused, err := column.Read(context.Background(), s.conn.PgConn(), c.settings, []string{left.Unread})
			require.NoError(t, err)
			require.Empty(t, refused)
			require.NoError(t, s.copyFields("read", column, fields...))
			require.Equal(t, []string{c.want}, s.texts("read"))
		})
	}
}

func TestADateOfUnknownOrderIsRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for typ, name := range map[string]string{"date": "date", "timestamp": "timestamp", "timestamptz": "timestamp with time zone"} {
		column := s.table("order_"+typ, typ)
		fields, refused, err := column.Read(context.Background(), s.conn.PgConn(), "", []string{"02.01.2026", "5 Jan 2026", "13/01/26 10:00", "soon"})
		require.NoError(t, err)
		require.Equal(t, map[int]string{
			0: `it may begin with the day or the month: read it in the mapping with ts_strptime, such as ts_strptime("%d.%m.%Y"), or set DateStyle in session`,
			2: `it may begin with the day or the month: read it in the mapping with ts_strptime, such as ts_strptime("%d.%m.%Y"), or set DateStyle in session`,
			3: "invalid input syntax for type " + name,
		}, refused)
		require.Len(t, fields, 4)
		require.NotNil(t, fields[1])
	}
}

func TestARefusedTextCostsItsNeighboursNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	column := s.table("read", "date")
	var texts, want []string
	for i := range 3000 {
		switch text := fmt.Sprintf("%d Jan %d", i%28+1, 1000+i); i {
		case 0, 1000, 2999:
			texts = append(texts, fmt.Sprintf("%d Jam \"'\\ %d", i, i))
		default:
			texts, want = append(texts, text), append(want, fmt.Sprintf("%04d-01-%02d", 1000+i, i%28+1))
		}
	}
	fields, refused, err := column.Read(context.Background(), s.conn.PgConn(), "", texts)
	require.NoError(t, err)
	require.Equal(t, map[int]string{0: "invalid input syntax for type date", 1000: "invalid input syntax for type date", 2999: "invalid input syntax for type date"}, refused)
	var good [][]byte
	for i, field := range fields {
		require.Equal(t, refused[i] != "", field == nil)
		if field != nil {
			good = append(good, field)
		}
	}
	require.NoError(t, s.copyFields("read", column, good...))
	require.Equal(t, want, s.texts("read"))
}

func TestAllTextsMayBeRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	column := s.table("read", "date")
	fields, refused, err := column.Read(context.Background(), s.conn.PgConn(), "", []string{"soon", "50 January 2024"})
	require.NoError(t, err)
	require.Equal(t, [][]byte{nil, nil}, fields)
	require.Equal(t, map[int]string{0: "invalid input syntax for type date", 1: "invalid input syntax for type date"}, refused)
}

func TestAFailureOfTheServerRefusesNoText(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	column := s.table("read", "date")
	_, refused, err := column.Read(context.Background(), s.conn.PgConn(), "SET LOCAL statement_timeout = 1; SELECT pg_sleep(1); ", []string{"soon"})
	require.ErrorContains(t, err, `reading texts of column "v" as date`)
	require.Empty(t, refused)
	_, refused, err = column.Read(context.Background(), s.conn.PgConn(), "", []string{"soon"})
	require.NoError(t, err, "the connection is as usable as before")
	require.Len(t, refused, 1)
}
