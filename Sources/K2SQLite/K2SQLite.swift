// K2SQLite
