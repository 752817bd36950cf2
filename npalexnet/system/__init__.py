"""What we share with the machine: command line, errors, files, memory, processors.

The ground floor: it knows nothing of networks, and imports no other room.
"""
