/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <inttypes.h>
#include <string.h>

#define NS_PER_S 1000000000u

void tt_print_record(FILE *to, const struct tt_reader *reader, const struct tt_record *record)
{
	const struct tt_event_desc *event = tt_event(reader, record->event);
	const struct tt_field *field;
	unsigned int i;

	fprintf(to, "%" PRIu64 ".%09" PRIu64 " [%03u] %s", record->time_ns / NS_PER_S,
		record->time_ns % NS_PER_S, record->cpu, event->name);
	for (i = 0; i < record->nargs; i++) {
		field = &event->fields[i];
		fprintf(to, " %s=", field->name);
		if (!strcmp(field->unit, "text"))
			fprintf(to, "%.8s", (const char *)&record->args[i]);
		else if (field->type == TT_S32)
			fprintf(to, "%" PRId64, (int64_t)record->args[i]);
		else
			fprintf(to, "%" PRIu64, record->args[i]);
	}
	fputc('\n', to);
}

void tt_print_heading(FILE *to, const struct tt_reader *reader)
{
	const struct tt_info *info = tt_info(reader);
	uint32_t cpu;
	int reason;

	fprintf(to, "# host %s, kernel %s, clock %s; taken at %" PRIu64 ".%09" PRIu64
		", one record costs %" PRIu64 " ns\n", info->host, info->release, info->clock,
		info->dump_time_ns / NS_PER_S, info->dump_time_ns % NS_PER_S,
		info->record_cost_ns);
	for (cpu = 0; cpu < info->cpus; cpu++) {
		fprintf(to, "# cpu %u: produced %" PRIu64, cpu, tt_produced(reader, cpu));
		for (reason = 0; reason < TT_LOSS_REASONS; reason++)
			fprintf(to, ", %s %" PRIu64, tt_loss_name((enum tt_loss)reason),
				tt_lost(reader, cpu, (enum tt_loss)reason));
		fputc('\n', to);
	}
}
