cimport cython

from ..core.siphash cimport siphash

cdef unsigned int MASK32, INDEX_MASK
cdef long long MINUTE, SECOND
cdef int COOKIE_AGE, STAMP_BITS, STAMP_ECN, STAMP_SACK, STAMP_WSCALE
cdef tuple MSS4, MSS6


@cython.final
cdef class SynCookies:
    cdef unsigned long long _k0, _k1, _k2, _k3

    cpdef unsigned int sequence(self, bytes key, unsigned int irs, unsigned int mss, long long now) except? 0
    cpdef unsigned int mss_of(self, bytes key, unsigned int irs, unsigned int cookie, long long now) except? 0xFFFFFFFF
    cdef unsigned int _mix(self, bytes key, unsigned int irs, long long minute, unsigned int low) except? 0
    cdef unsigned int _mask(self, bytes key, long long minute) except? 0


cpdef long long stamp_with_options(long long ticks, int wscale, bint sack, bint ecn) except? -1
