package postgres

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

// watchdog is a job object, whose processes Windows ends with this one. Nothing
// removes the server's directory then.
type watchdog struct {
	mu  sync.Mutex
	job windows.Handle
}

func startWatchdog(string) (*watchdog, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, err
	}
	info := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{
			LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
		},
	}
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info))); err != nil {
		_ = windows.CloseHandle(job)
		return nil, err
	}
	return &watchdog{job: job}, nil
}

// watch adds a process to the job; 0 is none. The server's later children join
// automatically, and the earlier ones end with their parent.
func (w *watchdog) watch(pid int) {
	if pid == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(pid))
	if err != nil {
		return // already ended
	}
	_ = windows.AssignProcessToJobObject(w.job, process)
	_ = windows.CloseHandle(process)
}

// release ends the job and its processes.
func (w *watchdog) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = windows.CloseHandle(w.job)
}
