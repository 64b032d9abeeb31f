#!/bin/sh
# Works for 100 to 500 ms beside a grandchild that left the process group and would sleep on.
cat > /dev/null
setsid sleep 300 > /dev/null 2>&1 &
sleep "0.$((1 + SQUADRON_NUMBER % 5))"
echo '{"type":"done","summary":"Took its time."}'
