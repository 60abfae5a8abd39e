from .ipv4 cimport fix_checksum

cdef unsigned int NOT_ECT, CE

cpdef unsigned int ecn_of(bytearray buf, Py_ssize_t at) noexcept
cpdef bint set_ce(bytearray buf, Py_ssize_t at) except *
