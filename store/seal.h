/* seal: turns rows of facts into blocks, a bounded piece in each commit. Private to store/. */
#ifndef VOC_STORE_SEAL_H
#define VOC_STORE_SEAL_H

struct store_txn;

/* Seals full blocks, then takes in the overlay of blocks that have much. Errors stick. */
void seal_some(struct store_txn *t);

#endif
