cimport cython


cdef Py_ssize_t LEAST


@cython.final
cdef class Ring:
    cdef list _slots
    cdef Py_ssize_t _first
    cdef readonly Py_ssize_t length

    cpdef void append(self, object item) except *
    cpdef object pop(self)
    cpdef object first(self)
    cpdef void clear(self) except *
