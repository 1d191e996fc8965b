print("k2")
