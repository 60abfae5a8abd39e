cpdef int deferred_retries(int seconds) noexcept
cpdef int deferred_seconds(int count) noexcept
