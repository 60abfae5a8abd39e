"""Settings of the property tests here: no deadline, since the machine is shared and time virtual."""

from hypothesis import settings

settings.register_profile("usernet", deadline=None)
settings.load_profile("usernet")
