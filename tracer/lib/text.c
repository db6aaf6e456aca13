/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <inttypes.h>
#include <string.h>

#define NS_PER_S 1000000000u

/* Applications may write anything; a line stays a line. */
static void print_text(FILE *to, const char *text)
{
	unsigned int i;

	for (i = 0; i < sizeof(uint64_t) && text[i]; i++)
		fputc(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?', to);
}

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
			print_text(to, (const char *)&record->args[i]);
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
	struct tt_thread thread;
	uint32_t cpu;
	int reason;

	fprintf(to, "# host %s, kernel %s, clock %s; taken at %" PRIu64 ".%09" PRIu64
		", one record costs %" PRIu64 " ns\n", info->host, info->release, info->clock,
		info->dump_time_ns / NS_PER_S, info->dump_time_ns % NS_PER_S,
		info->record_cost_ns);
	if (info->capture)
		fprintf(to, "# capture %016" PRIx64 "\n", info->capture);
	for (cpu = 0; cpu < info->cpus; cpu++) {
		if (cpu < info->first_thread)
			fprintf(to, "# cpu %u", cpu);
		else if (!tt_thread_of(reader, cpu, &thread))
			fprintf(to, "# ring %u of thread %u (%s)", cpu, thread.tid, thread.comm);
		else if (tt_produced(reader, cpu))
			fprintf(to, "# ring %u, gone when the stream ended", cpu);
		else
			continue;
		fprintf(to, ": produced %" PRIu64, tt_produced(reader, cpu));
		for (reason = 0; reason < TT_LOSS_REASONS; reason++)
			fprintf(to, ", %s %" PRIu64, tt_loss_name((enum tt_loss)reason),
				tt_lost(reader, cpu, (enum tt_loss)reason));
		fputc('\n', to);
	}
}
