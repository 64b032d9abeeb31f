#!/bin/sh
# Cannot be ended by SIGTERM, nor can what it starts; writes down that it heard it.
exec > /dev/null 2>&1
(trap '' TERM; exec sleep 300) &
trap 'echo SIGTERM >> heard' TERM
cat
while true; do sleep 1; done
