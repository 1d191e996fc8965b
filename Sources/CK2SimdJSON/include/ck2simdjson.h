#ifndef CK2SIMDJSON_H
#define CK2SIMDJSON_H
#endif
