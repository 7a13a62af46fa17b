"""What one worker knows about its own work: numbers in `meters`, recorded requests in `events`.

Every finished exchange passes here once: `Meters.finish` counts it and `EventRing.offer` decides whether it
is recorded. Both only touch memory of this process; once a second `Meters.flush` copies the numbers into the
worker's plane of shared memory, where `control.metrics` sums them over the workers, and ten times a second
`storage.pump` takes the recorded exchanges away. Nothing here does I/O, waits, or asks for the time.
"""
