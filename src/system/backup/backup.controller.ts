import { Controller, Inject, StreamableFile } from '@nestjs/common';
import type { Actor as ActorType } from '../../contracts/auth.js';
import type { RouteInput, RouteReply } from '../../contracts/routes.js';
import { Actor, Input, Route } from '../../shared/http/route.js';
import { BackupService } from './backup.service.js';

@Controller()
export class BackupController {
  constructor(@Inject(BackupService) private readonly backups: BackupService) {}

  @Route('system_backup')
  make(@Actor() actor: ActorType): Promise<RouteReply<'system_backup'>> {
    return this.backups.make(actor);
  }

  @Route('system_backup_file')
  async file(@Input('system_backup_file') { params }: RouteInput<'system_backup_file'>): Promise<StreamableFile> {
    const { bytes, stream } = await this.backups.open(params.name);
    const disposition = `attachment; filename="${params.name}"`;
    return new StreamableFile(stream, { type: 'application/gzip', length: bytes, disposition });
  }
}
