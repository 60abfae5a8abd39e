cimport cython


@cython.final
cdef class Undo:
    cdef public unsigned int marker
    cdef public int retransmitted
    cdef public unsigned int prior_ssthresh
    cdef public bint is_open
    cdef public bint frto

    cpdef void begin(self, unsigned int snd_una, int in_flight_again) noexcept
    cpdef void sent_again(self, int segs) noexcept
    cpdef void duplicated(self, int segs) noexcept
    cpdef void close(self) noexcept
