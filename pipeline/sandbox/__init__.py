"""Every service a deployment touches, emulated over HTTP on this machine, with a real Postgres and a real small app.

``launch.attach`` starts it for a command and holds it; ``sandbox.Sandbox`` is the same as one ASGI app, for tests.
Nothing in here imports the rest of the project: an emulator that shared code with its client would prove nothing.
"""
