"""What we share with the machine: command line, errors, files, memory, processors.

Also where the course lies, and how it is copied: to this room it is files. The ground
floor: it knows nothing of networks, and imports no other room.
"""
