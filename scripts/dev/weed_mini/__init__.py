"""Runs `weed mini`, SeaweedFS in one process, with everything on loopback and nothing left behind."""
