from .marks cimport SendMarks
from .output cimport note_app_limited, output, push_one
from .send_buffer cimport has_room, piece_size
from .tcb cimport Tcb
from .urgent cimport sent_urgent

cdef int WAIT_BUSY, CLOSED, SEND_SHUTDOWN, SYN_RECEIVED, SYN_SENT, ENOBUFS, EPIPE
cdef unsigned int MSG_EOR, MSG_MORE, MSG_OOB, MSG_ZEROCOPY, SEND_COPIED, MASK32, POLLERR
cdef unsigned int OPT_ID, TX_RECORD

cpdef SendMarks marks_of(Tcb tcb)
cpdef long long send(Tcb tcb, bytes octets, unsigned int flags, Py_ssize_t done, long long now) except? -1
cdef Py_ssize_t _queue(Tcb tcb, bytes octets, Py_ssize_t done, long long now) except? -1
cdef void _mark(Tcb tcb, bytes octets, unsigned int flags, long long now) except *
