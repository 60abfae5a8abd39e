cimport cython

from ..core.scheduler cimport Lock

cdef extern from *:
    """
    #include <pythread.h>

    static void usernet_free_lock(PyObject *capsule) {
        PyThread_free_lock((PyThread_type_lock)PyCapsule_GetPointer(capsule, NULL));
    }
    static inline PyObject *usernet_new_lock(void) {
        PyThread_type_lock lock = PyThread_allocate_lock();
        if (lock == NULL)
            return PyErr_NoMemory();
        return PyCapsule_New((void *)lock, NULL, usernet_free_lock);
    }
    /* 1 taken, 0 not, -1 with an exception: what a signal's handler raised. */
    static inline int usernet_take(PyObject *capsule, int waiting) {
        PyThread_type_lock lock = (PyThread_type_lock)PyCapsule_GetPointer(capsule, NULL);
        PyLockStatus status = PyThread_acquire_lock_timed(lock, 0, 0);
        while (status != PY_LOCK_ACQUIRED && waiting) {
            Py_BEGIN_ALLOW_THREADS
            status = PyThread_acquire_lock_timed(lock, -1, 1);
            Py_END_ALLOW_THREADS
            if (status == PY_LOCK_INTR && Py_MakePendingCalls() < 0)
                return -1;
        }
        return status == PY_LOCK_ACQUIRED;
    }
    static inline void usernet_give(PyObject *capsule) {
        PyThread_release_lock((PyThread_type_lock)PyCapsule_GetPointer(capsule, NULL));
    }
    """
    object new_lock "usernet_new_lock"()
    bint take "usernet_take"(object lock, bint waiting) except -1
    void give "usernet_give"(object lock) noexcept
    unsigned long this_thread "PyThread_get_thread_ident"() noexcept

cdef bint COMPILED


@cython.final
cdef class HostLock(Lock):
    cdef unsigned long _owner
    cdef Py_ssize_t _depth
    cdef object _lock

    cdef bint _take(self, bint waiting) except -1
