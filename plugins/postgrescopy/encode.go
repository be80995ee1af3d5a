package postgrescopy

import (
	"context"
	"errors"
	"slices"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgvalue"
)

// encode encodes the parts that are not encoded.
func (w *writer) encode(ctx context.Context, j *job) error {
	for _, p := range j.parts {
		if p.batch != nil {
			continue
		}
		t, err := w.targets.get(ctx, w.pool, p.name)
		if reason, ok := w.unusable(err); ok {
			j.eachMessage(p, func(message int) { j.rejected[message] = rejection{"table", reason} })
			continue
		}
		if err != nil {
			return err
		}
		if err := w.encodePart(ctx, j, p, t); err != nil {
			return err
		}
	}
	return nil
}

// unusable says why the table that messages name for themselves cannot be
// written to: it is not there, is no table, or lacks a privilege or the key.
// Were that waited for, as it is for the table of the configuration, one message
// could stop all others.
func (w *writer) unusable(err error) (reason string, ok bool) {
	var missing *errNoTable
	var fault *configError
	if w.table != "" || !(errors.As(err, &missing) || errors.As(err, &fault)) {
		return "", false
	}
	return describe(err), true
}

// encodePart encodes the rows of a part. What the target refuses is refused in
// the end only if the table is still as the target knows it.
func (w *writer) encodePart(ctx context.Context, j *job, p *part, t *target) error {
	stale := p.encodeAs(j, t)
	if stale == fresh {
		return nil
	}
	newer, changed, err := w.targets.refresh(ctx, w.pool, p.name, t)
	if err == nil && !changed && stale == typesInDoubt {
		newer, err = w.targets.load(ctx, w.pool, p.name)
		changed = true
	}
	if err == nil && !changed {
		return nil
	}
	p.forget(j)
	if err != nil {
		return err
	}
	p.encodeAs(j, newer)
	return nil
}

// forget gives up what was found out about the part's rows.
func (p *part) forget(j *job) {
	p.batch.release()
	p.batch, p.way = nil, wayOpen
	j.eachMessage(p, func(message int) { delete(j.rejected, message) })
	j.byServer = slices.DeleteFunc(j.byServer, func(message int) bool {
		_, rejected := j.rejected[message]
		return !rejected
	})
}

// doubt says how much of what a target refused rests on the catalogue.
type doubt int

const (
	fresh        doubt = iota // nothing was refused
	tableInDoubt              // by the table's columns
	typesInDoubt              // by the labels of an enum, say
)

func (p *part) encodeAs(j *job, t *target) doubt {
	p.target, p.batch = t, newBatch(t)
	worst := fresh
	j.eachMessage(p, func(message int) {
		err := p.batch.add(message, j.records[message])
		if err == nil {
			return
		}
		if _, before := j.rejected[message]; before {
			return
		}
		j.rejected[message] = rejectionOf(err)
		if j.records[message].err == nil {
			worst = max(worst, doubtOf(err))
		}
	})
	return worst
}

func doubtOf(err error) doubt {
	var value *pgvalue.ValueError
	if errors.As(err, &value) && value.Catalogue {
		return typesInDoubt
	}
	return tableInDoubt
}

func (j *job) eachMessage(p *part, do func(message int)) {
	if p.messages == nil {
		for i := range j.records {
			do(i)
		}
		return
	}
	for _, i := range p.messages {
		do(i)
	}
}

// reloadChanged reads again the tables that are no longer as their targets
// know them, and has their rows encoded anew. With suspicious set, it is done
// once for every table, since not all that rows are encoded by shows in the
// fingerprint of a table: the attributes of a composite type do not.
func (w *writer) reloadChanged(ctx context.Context, j *job, suspicious bool) (any bool, err error) {
	suspicious = suspicious && !j.reloaded
	j.reloaded = j.reloaded || suspicious
	for _, p := range j.parts {
		if p.batch == nil {
			continue
		}
		_, changed, err := w.targets.refresh(ctx, w.pool, p.name, p.target)
		if err == nil && !changed && suspicious {
			_, err = w.targets.load(ctx, w.pool, p.name)
			changed = true
		}
		if err != nil {
			return false, err
		}
		if changed {
			any = true
			p.forget(j)
		}
	}
	return any, nil
}
