cimport cython

from .record cimport SentRecord


@cython.final
cdef class AckSample:
    cdef public unsigned int acked
    cdef public unsigned int delivered
    cdef public unsigned int losses
    cdef public unsigned int ce
    cdef public unsigned int in_flight
    cdef public unsigned int prior_in_flight
    cdef public unsigned int sent_in_flight
    cdef public unsigned int interval_delivered
    cdef public unsigned int interval_lost
    cdef public unsigned int interval_ce
    cdef public int ca_state
    cdef public long long rtt_ns
    cdef public long long interval_ns
    cdef public long long next_at
    cdef public unsigned long long prior_delivered
    cdef public bint ece
    cdef public bint is_ack_delayed
    cdef public bint is_app_limited

    cpdef void clear(self) noexcept


@cython.final
cdef class DeliveryRate:
    cdef public unsigned long long delivered
    cdef public unsigned long long delivered_ce
    cdef public unsigned long long lost
    cdef public unsigned long long app_limited
    cdef public long long delivered_at
    cdef public long long first_sent_at
    cdef public unsigned int latest_delivered
    cdef public long long latest_interval_ns
    cdef public bint latest_app_limited

    cpdef void sent(self, SentRecord record, unsigned int in_flight, int packets_out, long long now) noexcept
    cpdef void mark_app_limited(self, unsigned int in_flight) noexcept
    cpdef void generate(self, AckSample sample, SentRecord newest, bint reneged, long long min_rtt, long long now) noexcept
    cdef void _keep(self, AckSample sample) noexcept
    cpdef long long bandwidth(self, unsigned int mss) noexcept
