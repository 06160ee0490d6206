/* one_node.h - the node of a test: made before it and removed behind it, as cmocka's set-up and
 * tear-down */
#ifndef TESTS_ONE_NODE_H
#define TESTS_ONE_NODE_H

#include "tests/node.h"

static struct node node;

static inline int
make_node(void **state)
{
	(void)state;
	node_open(&node);
	return 0;
}

static inline int
remove_node(void **state)
{
	(void)state;
	node_close(&node);
	return 0;
}

#endif
