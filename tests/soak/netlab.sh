#!/bin/sh
# A network of namespaces in which packets can be lost on purpose; used by the tests in tests/e2e and by soak.py, needs root.
#
#   netlab.sh up OWNER NODE...     a namespace for each node; addresses 10.77.0.1, .2, ... in this order; prints the lab's name
#   netlab.sh drop LAB FROM TO     what node FROM sends to node TO vanishes, without a word to either; the other way is open
#   netlab.sh heal LAB             everything arrives again
#   netlab.sh down LAB             removes it; processes that still run in it are killed
#   netlab.sh sweep                removes the labs of owners that are dead
#
# OWNER is the pid of the process that the lab belongs to. A node's namespace is LAB-NODE; the one called LAB-hub has the
# bridge and an address of its own, from which all nodes can be reached. Run a program there by
# nsenter --net=/run/netns/LAB-NODE PROGRAM.
#
# Why namespaces and not loopback addresses: a connection over loopback carries the address that it goes to, not that of the
# server which made it, so that a rule could not tell who sends. Here every packet says where it is from. Packets are dropped
# where they arrive: dropped where they are sent, the sender's kernel would notice.
set -eu

ip_of() { # NODE, after the lab's nodes in order
    wanted=$1; shift; number=0
    for node in "$@"; do
        number=$((number + 1))
        if [ "$node" = "$wanted" ]; then echo "10.77.0.$number"; return; fi
    done
    echo "netlab: no node $wanted" >&2; exit 2
}

started() { # PID: when it started, in ticks since boot; empty when there is none
    [ -r "/proc/$1/stat" ] && sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20 || true
}

remove() { # LAB
    for path in /run/netns/"$1"-*; do
        [ -e "$path" ] || continue
        name=${path##*/}
        for pid in $(ip netns pids "$name" 2>/dev/null); do kill -9 "$pid" 2>/dev/null || true; done
        ip netns delete "$name" 2>/dev/null || true
    done
    rm -f "/run/fastblock-$1.nodes"
}

sweep() {
    for path in /run/netns/fbt.*-hub; do
        [ -e "$path" ] || continue
        lab=${path##*/}; lab=${lab%-hub}
        pid=$(echo "$lab" | cut -d. -f2); ticks=$(echo "$lab" | cut -d. -f3)
        [ "$(started "$pid")" = "$ticks" ] || remove "$lab"
    done
}

command=$1; shift
case "$command" in
up)
    sweep
    owner=$1; shift
    lab="fbt.$owner.$(started "$owner")"
    remove "$lab"
    echo "$@" > "/run/fastblock-$lab.nodes"
    ip netns add "$lab-hub"
    {
        echo "link set lo up"
        echo "link add br0 type bridge"
        echo "address add 10.77.0.254/24 dev br0"
        echo "link set br0 up"
    } | ip -n "$lab-hub" -batch -
    number=0
    for node in "$@"; do
        number=$((number + 1))
        ip netns add "$lab-$node"
        ip -n "$lab-hub" link add "p$number" type veth peer name eth0 netns "$lab-$node"
        ip -n "$lab-hub" link set "p$number" master br0 up
        {
            echo "link set lo up"
            echo "address add 10.77.0.$number/24 dev eth0"
            echo "link set eth0 up"
        } | ip -n "$lab-$node" -batch -
        nsenter --net="/run/netns/$lab-$node" nft 'add table inet lab; add chain inet lab in { type filter hook input priority 0; }'
    done
    echo "$lab"
    ;;
drop)
    lab=$1
    from=$(ip_of "$2" $(cat "/run/fastblock-$lab.nodes"))
    nsenter --net="/run/netns/$lab-$3" nft "add rule inet lab in ip saddr $from drop"
    ;;
heal)
    for node in $(cat "/run/fastblock-$1.nodes"); do nsenter --net="/run/netns/$1-$node" nft 'flush chain inet lab in'; done
    ;;
down) remove "$1" ;;
sweep) sweep ;;
*) echo "netlab: no command $command" >&2; exit 2 ;;
esac
