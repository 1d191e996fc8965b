// K2SQLiteTests
