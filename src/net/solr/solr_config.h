/* solr_config.h - the configuration of a collection: its schema and what Solr does with it
 *
 * docs/formats/solr.md says what its fields are. */
#ifndef EP_NET_SOLR_CONFIG_H
#define EP_NET_SOLR_CONFIG_H

/* The name of this configuration in a cluster; one that is not compatible gets another. */
#define EP_SOLR_CONFIG "echoprint-1"

struct ep_solr_config_file {
	const char *name;
	const char *text;
};

/* Its files, ended by one without a name. */
extern const struct ep_solr_config_file ep_solr_config_files[];

#endif
