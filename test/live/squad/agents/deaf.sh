#!/bin/sh
# Cannot be ended by SIGTERM, nor can what it starts; writes down that it heard it.
(trap '' TERM; exec sleep 300) > /dev/null 2>&1 &
trap 'echo SIGTERM >> heard' TERM
cat > /dev/null
while true; do sleep 1; done
