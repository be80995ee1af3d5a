package watch

import (
	"fmt"
	"os"
	"slices"

	"github.com/stretchr/testify/require"
)

const modelHeader = "id,v\n"

func (m *model) create() {
	f := &modelFile{name: m.newName()}
	rows, text := m.someRows(30)
	f.rows = rows
	m.files = append(m.files, f)
	if m.rand.IntN(2) == 0 {
		m.tell("create %s with %d rows", f.name, len(rows))
		m.world.write(f.name, modelHeader+text)
		return
	}
	m.tell("rename in %s with %d rows", f.name, len(rows))
	m.world.write("aside", modelHeader+text)
	m.world.rename("aside", f.name)
}

// end completes a record that was begun.
func (f *modelFile) end(m *model) string {
	if f.partial == "" {
		return ""
	}
	r := &modelRow{text: f.partial + "z"}
	m.rows[r.text] = r
	f.rows = append(f.rows, r)
	f.partial = ""
	return "z\n"
}

// giveUp lets a record that was begun be: it may come when the file is gone and was quiet.
func (f *modelFile) giveUp(m *model) {
	if f.partial != "" {
		m.rows[f.partial] = &modelRow{text: f.partial}
		f.partial = ""
	}
}

func (m *model) appendRows() {
	f := m.some()
	if f == nil {
		return
	}
	text := f.end(m)
	rows, more := m.someRows(10)
	f.rows = append(f.rows, rows...)
	text += more
	m.tell("append %d bytes to %s", len(text), f.name)
	for len(text) > 0 {
		n := 1 + m.rand.IntN(len(text))
		m.world.append(f.name, text[:n])
		text = text[n:]
	}
}

func (m *model) appendPartial() {
	f := m.some()
	if f == nil || f.partial != "" {
		return
	}
	m.next++
	f.partial = fmt.Sprintf("%d,part", m.next)
	m.tell("append the beginning of a record to %s", f.name)
	m.world.append(f.name, f.partial)
}

func (m *model) rename() {
	f := m.some()
	if f == nil || f.partial != "" {
		return // a file that was renamed or touched after the last write counts as finished
	}
	name := m.newName()
	m.tell("rename %s to %s", f.name, name)
	m.world.rename(f.name, name)
	f.name = name
}

func (m *model) rotate() {
	f := m.some()
	if f == nil || f.partial != "" {
		return
	}
	old := f.name
	f.name = m.newName()
	rows, text := m.someRows(5)
	m.tell("rotate %s to %s and write %d rows anew", old, f.name, len(rows))
	m.world.rename(old, f.name)
	m.world.write(old, modelHeader+text)
	m.files = append(m.files, &modelFile{name: old, rows: rows})
}

func (m *model) remove() {
	f := m.some()
	if f == nil {
		return
	}
	m.tell("remove %s", f.name)
	f.giveUp(m)
	m.world.remove(f.name)
	m.files = slices.DeleteFunc(m.files, func(g *modelFile) bool { return g == f })
}

func (m *model) replace() {
	f := m.some()
	if f == nil {
		return
	}
	rows, text := m.someRows(15)
	m.tell("replace %s by a file with %d rows", f.name, len(rows))
	f.giveUp(m)
	m.world.write("aside", modelHeader+text)
	m.world.rename("aside", f.name)
	f.rows, f.partial = rows, ""
}

func (m *model) truncate() {
	f := m.some()
	if f == nil {
		return
	}
	m.tell("truncate %s", f.name)
	require.NoError(m.t, os.Truncate(m.world.path(f.name), 0))
	f.rows, f.partial = nil, ""
	m.world.append(f.name, modelHeader)
}

func (m *model) rewrite() {
	f := m.some()
	if f == nil {
		return
	}
	rows, text := m.someRows(25)
	m.tell("rewrite %s with %d rows", f.name, len(rows))
	m.world.write(f.name, modelHeader+text)
	f.rows, f.partial = rows, ""
}

func (m *model) touch() {
	if f := m.some(); f != nil && f.partial == "" {
		m.tell("touch %s", f.name)
		m.world.do("touch", []string{f.name})
	}
}

// breakFiles makes the next look at each open file fail.
func (m *model) breakFiles() {
	m.tell("break what is open")
	r := &m.world.watcher.reader
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	for f := range r.open {
		if f.activity != reading {
			f.open.file.Close()
		}
	}
}

// again makes rows of the same texts, which are to come again.
func (m *model) again(rows []*modelRow) (copies []*modelRow) {
	for _, r := range rows {
		c := &modelRow{text: r.text}
		m.rows[c.text] = c
		copies = append(copies, c)
	}
	return copies
}

// content is what a file has without a record that was begun.
func (f *modelFile) content() string {
	text := modelHeader
	for _, r := range f.rows {
		text += r.csv() + "\n"
	}
	return text
}

// stopped lets something happen to a settled folder, most of the time while nothing runs, and has it noticed before
// anything else happens, which might make another thing of it.
func (m *model) stopped(do func()) {
	defer m.settleAndSave()
	if m.rand.IntN(3) == 0 {
		do()
		return
	}
	m.tell("stop")
	m.world.close()
	m.look()
	for _, r := range m.rows {
		r.saved = r.saved || r.acked
	}
	do()
	m.forget()
}

// settleAndSave has what happened noticed and made durable.
func (m *model) settleAndSave() {
	m.settle()
	m.save()
}

// sameBytes puts a file of the same bytes in the place of one, under its name or another one. It is likely to get the
// inode that is free.
func (m *model) sameBytes() {
	f := m.some()
	if f == nil || f.partial != "" {
		return
	}
	m.settle()
	m.stopped(func() {
		name, text := f.name, f.content()
		renamed := m.rand.IntN(2) == 0
		if renamed {
			f.name = m.newName()
		}
		m.tell("delete %s and write the same to %s", name, f.name)
		if renamed || m.rand.IntN(2) == 0 {
			m.world.remove(name)
		}
		m.world.write("aside", text)
		m.world.rename("aside", f.name)
		f.rows = m.again(f.rows)
	})
}

// replaceByLonger replaces a file by one that begins with all it has.
func (m *model) replaceByLonger() {
	f := m.some()
	if f == nil || f.partial != "" || len(f.rows) == 0 {
		return
	}
	m.settle()
	m.stopped(func() {
		r := m.row()
		f.rows = append(f.rows, r)
		m.tell("replace %s by a longer one", f.name)
		m.world.write("aside", f.content())
		m.world.rename("aside", f.name)
	})
}

// changeCell changes one row of a file in place, and keeps its length: all of it comes again.
func (m *model) changeCell() {
	f := m.some()
	if f == nil || f.partial != "" || len(f.rows) == 0 {
		return
	}
	i := m.rand.IntN(len(f.rows))
	text := []byte(f.rows[i].text)
	if last := text[len(text)-1]; last == 'q' || last == ',' {
		return // it was changed before, or has nothing to change
	}
	m.settle()
	m.stopped(func() {
		old := f.content()
		f.rows = m.again(f.rows)
		delete(m.rows, string(text))
		text[len(text)-1] = 'q'
		r := &modelRow{text: string(text)}
		f.rows[i], m.rows[r.text] = r, r
		m.tell("change row %d of %s in place", i+1, f.name)
		require.Len(m.t, f.content(), len(old))
		if m.rand.IntN(2) == 0 {
			m.world.write(f.name, f.content())
			return
		}
		file, err := os.OpenFile(m.world.path(f.name), os.O_WRONLY, 0)
		require.NoError(m.t, err)
		_, err = file.WriteString(f.content())
		require.NoError(m.t, err)
		require.NoError(m.t, file.Close())
	})
}

// restore puts copies in the place of all files, as from a backup.
func (m *model) restore() {
	for _, f := range m.files {
		if f.partial != "" {
			return // the times of a copy make it count as finished
		}
	}
	m.settle()
	m.tell("restore")
	m.world.close()
	m.look()
	for _, r := range m.rows {
		r.saved = r.saved || r.acked
	}
	m.world.restore("in")
	m.forget()
	m.settleAndSave()
}

// otherDevice changes the device number of the folder.
func (m *model) otherDevice() {
	m.settle()
	m.tell("other device")
	m.world.close()
	m.look()
	for _, r := range m.rows {
		r.saved = r.saved || r.acked
	}
	m.world.do("other-device", nil)
	m.forget()
	m.settleAndSave()
}
