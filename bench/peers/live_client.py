"""A plain WebSocket client that prints the same raw records as k2-feed live, and keeps no account of ids.

    python live_client.py ws://127.0.0.1:9001/stream?timeUnit=MICROSECOND BTCUSDT,ETHUSDT
"""

import asyncio
import datetime
import json
import sys

import websockets


def record(sequence, message):
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds")[:-6]
    return (
        f'{{"kind":"raw","exchange":"binance","origin":"stream","received_at":"{now}Z","connection":"9e1f",'
        f'"sequence":{sequence},"message":{message}}}\n'
    )


async def main(url, symbols):
    out = sys.stdout
    async with websockets.connect(url, compression=None, max_size=16 << 20) as socket:
        await socket.send(json.dumps({"method": "SUBSCRIBE", "params": [f"{s.lower()}@trade" for s in symbols], "id": 1}))
        sequence = 0
        async for message in socket:
            sequence += 1
            out.write(record(sequence, message))
            out.flush()


try:
    asyncio.run(main(sys.argv[1], sys.argv[2].split(",")))
except (KeyboardInterrupt, websockets.ConnectionClosed):
    pass
