cimport cython

from ..core.seq cimport seq_lt
from .congestion.maxfilter cimport MaxFilter

cdef long long SECOND


@cython.final
cdef class WindowValidation:
    cdef MaxFilter _largest
    cdef long long _begun_at
    cdef unsigned int _end
    cdef bint _is_sampling
    cdef bint _is_skipping
    cdef public long long pipe_ack
    cdef public long long loss_pipe
    cdef public long long repaired
    cdef public long long nonvalidated_at
    cdef public long long sampled_at
    cdef public bint is_defined
    cdef public bint is_nonvalidated
    cdef public bint is_reducing

    cpdef void forget(self) noexcept
    cpdef bint acknowledged(
        self,
        unsigned int snd_una,
        unsigned int snd_nxt,
        long long delivered,
        long long newly,
        long long srtt,
        long long now,
    ) noexcept
    cpdef void paused(self, long long srtt, long long now) noexcept
    cpdef long long lapsed_at(self, long long srtt) noexcept
    cdef void _begin(self, unsigned int snd_nxt, long long delivered) noexcept
    cdef void _take(self, long long segs, long long srtt, long long now) noexcept


cdef long long _sampling_period(long long srtt) noexcept
