cimport cython

from .counters cimport TcpExtMib


@cython.final
cdef class MemoryPool:
    cdef public long long limit, pressure_mark, relief_mark, used, peak, failures
    cdef public TcpExtMib ext
    cdef bint _pressed

    cpdef bint charge(self, long long n) noexcept
    cpdef bint overdraw(self, long long n) noexcept
    cpdef void force(self, long long n) noexcept
    cpdef void uncharge(self, long long n) noexcept
    cpdef bint under_pressure(self) noexcept
