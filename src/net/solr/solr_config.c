#include "net/solr/solr_config.h"

#include <stddef.h>

/* fp has neither norms nor frequencies nor positions: the score of a document is the sum of the
 * inverse document frequencies of the keys that it shares with the query. */
static const char schema[] =
	"<schema name=\"echoprint\" version=\"1.6\">\n"
	"  <fieldType name=\"string\" class=\"solr.StrField\"/>\n"
	"  <fieldType name=\"long\" class=\"solr.LongPointField\" docValues=\"true\"/>\n"
	"  <fieldType name=\"binary\" class=\"solr.BinaryField\"/>\n"
	"  <fieldType name=\"keys\" class=\"solr.TextField\" omitNorms=\"true\"\n"
	"             omitTermFreqAndPositions=\"true\">\n"
	"    <analyzer><tokenizer name=\"whitespace\"/></analyzer>\n"
	"  </fieldType>\n"
	"  <field name=\"id\" type=\"string\" indexed=\"true\" stored=\"true\" required=\"true\"\n"
	"         docValues=\"true\"/>\n"
	"  <field name=\"_version_\" type=\"long\" indexed=\"false\" stored=\"false\"/>\n"
	"  <field name=\"version\" type=\"long\" indexed=\"true\" stored=\"true\"/>\n"
	"  <field name=\"position\" type=\"long\" indexed=\"false\" stored=\"false\"/>\n"
	"  <field name=\"crc\" type=\"long\" indexed=\"false\" stored=\"false\"/>\n"
	"  <field name=\"kind\" type=\"string\" indexed=\"true\" stored=\"false\"\n"
	"         docValues=\"true\"/>\n"
	"  <field name=\"entry\" type=\"binary\" indexed=\"false\" stored=\"true\"/>\n"
	"  <field name=\"fp\" type=\"keys\" indexed=\"true\" stored=\"false\"/>\n"
	"  <field name=\"source\" type=\"string\" indexed=\"true\" stored=\"false\"\n"
	"         docValues=\"true\"/>\n"
	"  <field name=\"import_date\" type=\"string\" indexed=\"false\" stored=\"true\"/>\n"
	"  <field name=\"artist\" type=\"string\" indexed=\"false\" stored=\"true\"/>\n"
	"  <field name=\"release\" type=\"string\" indexed=\"false\" stored=\"true\"/>\n"
	"  <field name=\"track\" type=\"string\" indexed=\"false\" stored=\"true\"/>\n"
	"  <field name=\"stamp\" type=\"string\" indexed=\"false\" stored=\"true\"/>\n"
	"  <field name=\"log\" type=\"string\" indexed=\"false\" stored=\"true\"/>\n"
	"  <uniqueKey>id</uniqueKey>\n"
	"</schema>\n";

/* Few segments: a query looks up each of its keys in every segment. The version constraint makes
 * whatever comes twice, late or out of order change nothing. */
static const char solrconfig[] =
	"<config>\n"
	"  <luceneMatchVersion>9.12</luceneMatchVersion>\n"
	"  <schemaFactory class=\"ClassicIndexSchemaFactory\"/>\n"
	"  <indexConfig>\n"
	"    <ramBufferSizeMB>128</ramBufferSizeMB>\n"
	"    <mergePolicyFactory class=\"org.apache.solr.index.TieredMergePolicyFactory\">\n"
	"      <int name=\"maxMergeAtOnce\">4</int>\n"
	"      <double name=\"segmentsPerTier\">4</double>\n"
	"    </mergePolicyFactory>\n"
	"  </indexConfig>\n"
	"  <updateHandler class=\"solr.DirectUpdateHandler2\">\n"
	"    <updateLog/>\n"
	"    <autoCommit>\n"
	"      <maxTime>15000</maxTime>\n"
	"      <openSearcher>false</openSearcher>\n"
	"    </autoCommit>\n"
	"  </updateHandler>\n"
	"  <query>\n"
	"    <maxBooleanClauses>1024</maxBooleanClauses>\n"
	"    <useColdSearcher>true</useColdSearcher>\n"
	"    <maxWarmingSearchers>4</maxWarmingSearchers>\n"
	"  </query>\n"
	"  <requestHandler name=\"/select\" class=\"solr.SearchHandler\">\n"
	"    <lst name=\"defaults\"><str name=\"df\">fp</str></lst>\n"
	"  </requestHandler>\n"
	"  <requestHandler name=\"/get\" class=\"solr.RealTimeGetHandler\"/>\n"
	"  <requestHandler name=\"/update\" class=\"solr.UpdateRequestHandler\"/>\n"
	"  <updateRequestProcessorChain name=\"positions\" default=\"true\">\n"
	"    <processor class=\"solr.DocBasedVersionConstraintsProcessorFactory\">\n"
	"      <bool name=\"ignoreOldUpdates\">true</bool>\n"
	"      <str name=\"versionField\">version</str>\n"
	"    </processor>\n"
	"    <processor class=\"solr.DistributedUpdateProcessorFactory\"/>\n"
	"    <processor class=\"solr.RunUpdateProcessorFactory\"/>\n"
	"  </updateRequestProcessorChain>\n"
	"</config>\n";

const struct ep_solr_config_file ep_solr_config_files[] = {
	{ "schema.xml", schema },
	{ "solrconfig.xml", solrconfig },
	{ NULL, NULL },
};
