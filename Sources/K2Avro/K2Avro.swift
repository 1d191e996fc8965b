// K2Avro
